"""Gift-card orders at one provider. Registered on that provider's own task queue.

`place_order` sends exactly one order-creating request an attempt, under a claim; Temporal's
retries are the only retries. What a retry may do follows from the outcome: the same key again,
never another one.
"""

from __future__ import annotations

import time

from temporalio import activity

from activities.lane import ProviderLane
from activities.pulse import pulse
from activities.purchase import Purchase
from domain.messages import Next, Step
from providers.outcomes import ProviderError
from store import orders
from store.orders import Attempt, Busy


class OrderActivities:
    """Placing and following the orders of one lane."""

    def __init__(self, lane: ProviderLane) -> None:
        self._lane = lane

    @activity.defn
    async def place_order(self, grant_id: str) -> Step:
        """Order the grant's gift card. Idempotent: the key is the grant's own, the order's row is
        claimed before sending, and an order that exists is adopted."""
        async with pulse():
            began = time.monotonic()
            match await self._claim(grant_id):
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
            order = await orders.open_order(lane.database, grant_id)
            if order is None:
                return Step(next=Next.ORDER)
            try:
                snapshot = await lane.provider.get_order(order.provider_order_id, order.currency)
            except ProviderError as error:
                raise lane.again(error.detail, error.retry_after) from error
            async with lane.database.transaction() as tx:
                return await lane.record(tx, order.id, snapshot)

    async def _claim(self, grant_id: str) -> Attempt | Busy | Step:
        lane = self._lane
        async with lane.database.transaction() as tx:
            return await orders.claim(
                tx,
                lane.provider.name,
                grant_id,
                lifetime=lane.timing.claim,
                probe_every=lane.timing.resume,
                hooks=lane.hooks,
                carrier=activity.info().workflow_id or "",
            )
