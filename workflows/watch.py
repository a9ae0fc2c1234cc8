"""Started by a schedule: finds workflows that are missing, or that run for nothing."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.watch import WatchActivities
    from domain.messages import WATCH_WORKFLOW


@workflow.defn(name=WATCH_WORKFLOW)
class WatchWorkflow:
    """Checks everything that the database says is open."""

    @workflow.run
    async def run(self) -> int:
        """Return how many workflows are missing."""
        return await workflow.execute_activity_method(
            WatchActivities.watch_progress,
            start_to_close_timeout=timedelta(minutes=10),
            heartbeat_timeout=timedelta(seconds=10),
            retry_policy=RetryPolicy(maximum_attempts=3),
        )
