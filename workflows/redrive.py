"""Started by a schedule: sends what the API accepted while Temporal was down."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.intake import IntakeActivities
    from domain.messages import REDRIVE_WORKFLOW


@workflow.defn(name=REDRIVE_WORKFLOW)
class RedriveWorkflow:
    """One run over the intake table."""

    @workflow.run
    async def run(self) -> int:
        """Send what is left; return how many messages that was."""
        return await workflow.execute_activity_method(
            IntakeActivities.redrive,
            start_to_close_timeout=timedelta(minutes=5),
            # Runs never overlap: one that died with its worker would block all others.
            heartbeat_timeout=timedelta(seconds=10),
            retry_policy=RetryPolicy(maximum_attempts=3),
        )
