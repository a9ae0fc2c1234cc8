"""Runs an asynchronous action behind an answered request: a bulk update, an imported file."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.actions import ActionActivities
    from domain.messages import ACTION_WORKFLOW


@workflow.defn(name=ACTION_WORKFLOW)
class ActionWorkflow:
    """One asynchronous action. Its progress is stored in its row, together with the results."""

    @workflow.run
    async def run(self, action_id: str) -> None:
        """Process the action to its end, through outages and killed workers."""
        await workflow.execute_activity_method(
            ActionActivities.work_off,
            action_id,
            start_to_close_timeout=timedelta(hours=6),
            heartbeat_timeout=timedelta(seconds=20),
            retry_policy=RetryPolicy(maximum_interval=timedelta(minutes=1)),
        )
