"""One reconciliation: read the provider's book, compare it with ours, file what differs."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import Priority, RetryPolicy
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.reconciliation import BookActivities, ComparisonActivities
    from domain.messages import provider_queue
    from domain.reconciliation import RECONCILIATION_WORKFLOW, ReconciliationStart

_LAST = Priority(priority_key=5)
"""After the provider's orders (2) and polls (4)."""
_RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1))


@workflow.defn(name=RECONCILIATION_WORKFLOW)
class ReconciliationWorkflow:
    """One provider, one period. Progress and result are stored in PostgreSQL."""

    @workflow.run
    async def run(self, start: ReconciliationStart) -> dict[str, int]:
        """Stage the provider's lines unless they were uploaded, then compare the three books.

        Returns how many orders are filed under each word; nothing if that failed."""
        try:
            if not start.uploaded:
                await self._stage(start)
            return await self._compare(start)
        except ActivityError as error:
            await self._give_up(start, str(error.cause or error))
            return {}

    async def _stage(self, start: ReconciliationStart) -> None:
        workflow.set_current_details(f"Reading the orders of {start.provider}.")
        await workflow.execute_activity_method(
            BookActivities.stage_orders,
            start.reconciliation_id,
            task_queue=provider_queue(start.provider),
            start_to_close_timeout=timedelta(hours=12),
            heartbeat_timeout=timedelta(seconds=10),
            schedule_to_close_timeout=timedelta(days=1),
            retry_policy=_RETRY,
            priority=_LAST,
        )

    async def _compare(self, start: ReconciliationStart) -> dict[str, int]:
        workflow.set_current_details("Comparing the books.")
        totals = await workflow.execute_activity_method(
            ComparisonActivities.compare_books,
            start.reconciliation_id,
            start_to_close_timeout=timedelta(hours=2),
            heartbeat_timeout=timedelta(seconds=10),
            schedule_to_close_timeout=timedelta(hours=12),
            retry_policy=_RETRY,
        )
        workflow.set_current_details(f"Done: {totals}.")
        return totals

    async def _give_up(self, start: ReconciliationStart, detail: str) -> None:
        await workflow.execute_activity_method(
            ComparisonActivities.give_up,
            args=[start.reconciliation_id, detail],
            start_to_close_timeout=timedelta(minutes=1),
            retry_policy=_RETRY,
        )
