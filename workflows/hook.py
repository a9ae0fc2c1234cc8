"""Handles a provider's webhook that lacks our key, or arrives before our own answer."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import Priority, RetryPolicy
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.hooks import HookActivities
    from activities.orders import OrderActivities
    from domain.messages import HOOK_WORKFLOW, ProviderHook, provider_queue
    from workflows.recording import record

_AGAIN = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=10))
_BEHIND_ORDERS = Priority(priority_key=3)


@workflow.defn(name=HOOK_WORKFLOW)
class HookWorkflow:
    """One webhook. The workflow id contains the event's id, so a repeat starts nothing."""

    @workflow.run
    async def run(self, hook: ProviderHook) -> bool:
        """Find the order that the webhook names and have it read again; False if none is found."""
        try:
            if hook.reward_id and not hook.provider_order_id:
                hook = await self._name_order(hook, hook.reward_id)
            await workflow.execute_activity_method(
                HookActivities.pass_on_hook,
                hook,
                start_to_close_timeout=timedelta(seconds=30),
                schedule_to_close_timeout=hook.patience,
                retry_policy=_AGAIN,
            )
        except ActivityError:
            # If the order is ours after all, polling finds its news.
            await record(HookActivities.note_unmatched, hook)
            return False
        return True

    async def _name_order(self, hook: ProviderHook, reward_id: str) -> ProviderHook:
        """Ask the provider for the reward's order: an API call, so it uses the provider's queue."""
        order_id = await workflow.execute_activity_method(
            OrderActivities.order_of_reward,
            reward_id,
            task_queue=provider_queue(hook.provider),
            start_to_close_timeout=timedelta(seconds=60),
            schedule_to_close_timeout=hook.patience,
            retry_policy=_AGAIN,
            priority=_BEHIND_ORDERS,
        )
        return hook.model_copy(update={"provider_order_id": order_id})
