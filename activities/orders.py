"""Gift-card orders at one provider. Registered on that provider's own task queue.

`place_order` sends exactly one order-creating request per attempt, under a claim. Only Temporal
retries. The outcome decides what a retry may do: always the same key, never a new one."""

from __future__ import annotations

import time

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.following import Following, seen
from activities.lane import ProviderLane
from activities.pulse import pulse
from activities.purchase import Purchase
from domain.messages import Next, Step
from providers.outcomes import ProviderError
from providers.protocol import NamesRewards
from store.orders import attempts
from store.orders.attempts import Attempt, Busy


class OrderActivities:
    """Places and follows the orders of one provider."""

    def __init__(self, lane: ProviderLane) -> None:
        self._lane = lane

    @activity.defn
    async def place_order(self, grant_id: str) -> Step:
        """Order the grant's gift card.

        Idempotent: the key belongs to the grant, the order's row is claimed before sending, and an
        order that already exists is adopted."""
        async with pulse():
            began = time.monotonic()
            match await self._claim(grant_id):
                case Attempt() as attempt if self._lane.hints and self._lane.follows:
                    with self._lane.hints.awaited(attempt.order_id) as hint:
                        following = Following(self._lane, hint)
                        return await Purchase(self._lane, attempt, began, following).run()
                case Attempt() as attempt:
                    return await Purchase(self._lane, attempt, began).run()
                case Busy(wait=wait):
                    raise self._lane.again("another attempt holds the order", wait)
                case step:
                    return step

    @activity.defn
    async def check_order(self, grant_id: str) -> Step:
        """Read the order at the provider and record what it says. A read: safe to repeat."""
        lane = self._lane
        async with pulse():
            order = await attempts.open_order(lane.database, grant_id)
            if order is None:
                return Step(next=Next.ORDER)
            if order.provider != lane.provider.name:
                return Step(next=Next.FOLLOW, provider=order.provider)
            try:
                snapshot = await seen(lane, order)
            except ProviderError as error:
                raise lane.again(error.detail, error.retry_after) from error
            async with lane.database.transaction() as tx:
                return await lane.record(tx, order.id, snapshot)

    @activity.defn
    async def order_of_reward(self, reward_id: str) -> str:
        """The provider's id of the order that contains a reward. A read: safe to repeat."""
        provider = self._lane.provider
        if not isinstance(provider, NamesRewards):
            raise ApplicationError(f"{provider.name} names no rewards", non_retryable=True)
        try:
            return await provider.order_id_of(reward_id)
        except ProviderError as error:
            raise self._lane.again(error.detail, error.retry_after) from error

    async def _claim(self, grant_id: str) -> Attempt | Busy | Step:
        lane = self._lane
        async with lane.database.transaction() as tx:
            return await attempts.claim(
                tx,
                lane.provider.name,
                grant_id,
                lifetime=lane.timing.claim,
                probe_every=lane.timing.resume,
                hooks=lane.hooks,
                carrier=activity.info().workflow_id or "",
                follows=lane.follows,
            )
