"""Repairs one difference that a reconciliation found."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.repairs import RepairActivities
    from domain.messages import provider_queue
    from domain.reconciliation import REPAIR_WORKFLOW, RepairStart


@workflow.defn(name=REPAIR_WORKFLOW)
class RepairWorkflow:
    """One item, repaired once.

    A person waits for the result, so it gives up after minutes: the item is open again then, and
    shows why."""

    @workflow.run
    async def run(self, start: RepairStart) -> str:
        """Return what was done."""
        queue = provider_queue(start.provider)
        try:
            return await workflow.execute_activity_method(
                RepairActivities.repair,
                start.item_id,
                task_queue=queue,
                start_to_close_timeout=timedelta(minutes=1),
                heartbeat_timeout=timedelta(seconds=10),
                schedule_to_close_timeout=timedelta(minutes=3),
                retry_policy=RetryPolicy(initial_interval=timedelta(seconds=1)),
            )
        except ActivityError as error:
            return await workflow.execute_activity_method(
                RepairActivities.reopen,
                args=[start.item_id, str(error.cause or error)],
                task_queue=queue,
                start_to_close_timeout=timedelta(minutes=1),
            )
