"""Reads events for distributions, as long as there is one."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.messages.distribute import DistributorActivities
    from domain.messages import DISTRIBUTOR_WORKFLOW, WAKE, WEBHOOK_QUEUE


@workflow.defn(name=DISTRIBUTOR_WORKFLOW)
class DistributorWorkflow:
    """One for the deployment. Its position is stored in PostgreSQL."""

    @workflow.init
    def __init__(self, id: str) -> None:
        self._woken = False

    @workflow.run
    async def run(self, id: str) -> None:
        """Run until no distribution is active."""
        while not workflow.info().is_continue_as_new_suggested():
            self._woken = False
            if not await self._distribute() and not self._woken:
                return
        workflow.continue_as_new(id)

    @workflow.signal(name=WAKE)
    def wake(self) -> None:
        """A distribution was switched on, perhaps just as the last one was found to be off."""
        self._woken = True

    async def _distribute(self) -> bool:
        return await workflow.execute_activity_method(
            DistributorActivities.distribute,
            task_queue=WEBHOOK_QUEUE,
            start_to_close_timeout=timedelta(minutes=20),
            heartbeat_timeout=timedelta(seconds=10),
            retry_policy=RetryPolicy(maximum_interval=timedelta(minutes=1)),
        )
