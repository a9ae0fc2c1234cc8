"""Started by a schedule: reconciles yesterday (UTC) at one provider."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.reconciliation import ComparisonActivities
    from domain.reconciliation import (
        DAILY_WORKFLOW,
        RECONCILIATION_WORKFLOW,
        DailyStart,
        reconciliation_workflow_id,
    )


@workflow.defn(name=DAILY_WORKFLOW)
class DailyReconciliationWorkflow:
    """Creates the run and starts a reconciliation workflow for it, as a person's request does."""

    @workflow.run
    async def run(self, daily: DailyStart) -> dict[str, int]:
        """Return the run's totals."""
        start = await workflow.execute_activity_method(
            ComparisonActivities.begin_daily,
            args=[daily.provider, workflow.info().run_id],
            start_to_close_timeout=timedelta(minutes=1),
        )
        totals: dict[str, int] = await workflow.execute_child_workflow(
            RECONCILIATION_WORKFLOW, start, id=reconciliation_workflow_id(start.reconciliation_id)
        )
        return totals
