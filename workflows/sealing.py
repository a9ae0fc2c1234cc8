"""Started by a schedule: seals new ledger entries."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.sealing import SealActivities
    from domain.messages import SEAL_WORKFLOW


@workflow.defn(name=SEAL_WORKFLOW)
class SealWorkflow:
    """Seals the entries that no block contains yet."""

    @workflow.run
    async def run(self) -> int:
        """Return how many entries were sealed."""
        return await workflow.execute_activity_method(
            SealActivities.seal_ledger,
            start_to_close_timeout=timedelta(minutes=10),
            retry_policy=RetryPolicy(maximum_attempts=3),
        )
