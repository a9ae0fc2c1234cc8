"""One outgoing webhook, for as long as it exists."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.webhooks import WebhookActivities
    from domain.messages import WAKE, WEBHOOK_QUEUE, WEBHOOK_WORKFLOW


@workflow.defn(name=WEBHOOK_WORKFLOW)
class WebhookWorkflow:
    """Delivers events, and pauses after a failure. Its position is stored in its row."""

    @workflow.init
    def __init__(self, webhook_id: str) -> None:
        self._webhook_id = webhook_id
        self._woken = False

    @workflow.run
    async def run(self, webhook_id: str) -> None:
        """Run until the webhook is deleted or disabled."""
        while not workflow.info().is_continue_as_new_suggested():
            self._woken = False
            pause = await self._deliver()
            if pause is None:
                return
            if pause:
                with suppress(TimeoutError):
                    await workflow.wait_condition(
                        lambda: self._woken, timeout=timedelta(seconds=pause)
                    )
        workflow.continue_as_new(webhook_id)

    @workflow.signal(name=WAKE)
    def wake(self) -> None:
        """The address was corrected: try now."""
        self._woken = True

    async def _deliver(self) -> float | None:
        return await workflow.execute_activity_method(
            WebhookActivities.deliver,
            self._webhook_id,
            task_queue=WEBHOOK_QUEUE,
            start_to_close_timeout=timedelta(minutes=20),
            heartbeat_timeout=timedelta(seconds=10),
            retry_policy=RetryPolicy(maximum_interval=timedelta(minutes=1)),
        )
