"""One message to one person, until it is sent, or is certainly not to be sent."""

from __future__ import annotations

from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.messages.send import MessageActivities
    from domain.messages import MESSAGE_QUEUE, MESSAGE_WORKFLOW, MessageStart, MessageStep


@workflow.defn(name=MESSAGE_WORKFLOW)
class MessageWorkflow:
    """Waits for the message's time and sends it. Its state is in its row."""

    @workflow.run
    async def run(self, start: MessageStart) -> None:
        """Wait, send, and try again where the outcome allows it."""
        again_at: datetime | None = start.due_at
        while again_at is not None:
            await self._wait_until(again_at)
            again_at = (await self._send(start.message_id)).again_at

    async def _wait_until(self, at: datetime) -> None:
        if (pause := at - workflow.now()) > timedelta(0):
            await workflow.sleep(pause, summary="until it is due")

    async def _send(self, message_id: str) -> MessageStep:
        return await workflow.execute_activity_method(
            MessageActivities.send_message,
            message_id,
            task_queue=MESSAGE_QUEUE,
            start_to_close_timeout=timedelta(minutes=2),
            heartbeat_timeout=timedelta(seconds=10),
            retry_policy=RetryPolicy(maximum_interval=timedelta(minutes=1)),
            summary="send it",
        )
