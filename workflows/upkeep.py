"""Started by a schedule: periodic work on the ledger."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.upkeep import UpkeepActivities
    from domain.messages import UPKEEP_WORKFLOW


@workflow.defn(name=UPKEEP_WORKFLOW)
class UpkeepWorkflow:
    """Books expired wallet credits, then updates the ledger's sums."""

    @workflow.run
    async def run(self) -> int:
        """Return how many credits had expired."""
        expired = await workflow.execute_activity_method(
            UpkeepActivities.expire_credits,
            start_to_close_timeout=timedelta(minutes=10),
            retry_policy=RetryPolicy(maximum_attempts=3),
        )
        await workflow.execute_activity_method(
            UpkeepActivities.sum_up,
            start_to_close_timeout=timedelta(minutes=10),
            retry_policy=RetryPolicy(maximum_attempts=3),
        )
        return expired
