"""Follows an order for the second or two in which most cards are issued.

For each card this saves the workflow a signal, an activity and two tasks. A card whose webhook
comes at once is recorded in one transaction instead of two. An order that takes longer is left to
the workflow's own signals and polls. The lane's rate includes one look for each order."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta

from activities.lane import ProviderLane
from domain.messages import Next, Step
from domain.orders import DeliveryState, OrderSnapshot, OrderState
from providers.outcomes import ProviderError
from providers.protocol import LinksOnDemand
from store.orders import claim_links
from store.orders.attempts import OpenOrder

SOON = timedelta(seconds=1)
_AT_ONCE = timedelta(milliseconds=300)
_BRIEFLY = 2.0
"""Seconds that a look may take before anything is recorded: the claim must still hold then."""


async def seen(lane: ProviderLane, order: OpenOrder) -> OrderSnapshot:
    """What the provider shows of the order. Some providers show a link only to a caller that asks
    for it: it is asked for here, once, so that no other call is needed."""
    snapshot = await lane.provider.get_order(order.provider_order_id, order.currency)
    lacks_link = order.by_link and not snapshot.secret and snapshot.state is OrderState.ISSUED
    if not lacks_link or not isinstance(lane.provider, LinksOnDemand):
        return snapshot
    if await claim_links.is_kept(lane.database, order.id):
        return snapshot
    secret = await lane.provider.fresh_link(order.provider_order_id)
    handed_over = {"secret": secret, "delivery": DeliveryState.NOT_APPLICABLE}
    return snapshot.model_copy(update=handed_over)


class Following:
    """Follows one order, directly after it was placed. `hint`: set when the provider's webhook
    reports news of it."""

    def __init__(self, lane: ProviderLane, hint: asyncio.Event) -> None:
        self._lane, self._hint = lane, hint
        self._looked = False

    async def first(self, order: OpenOrder, placed: OrderSnapshot) -> OrderSnapshot:
        """What to record: how the order was placed, or, if the provider reports news at once, what
        it shows by now. Until it is recorded the claim holds, and a worker that takes over after a
        crash asks under the same key."""
        if not _awaits_news(placed) or not await self._told(_AT_ONCE):
            return placed
        self._looked = True
        with suppress(ProviderError, TimeoutError):
            async with asyncio.timeout(_BRIEFLY):
                shown = await seen(self._lane, order)
            return shown.model_copy(update={"charged": shown.charged or placed.charged})
        return placed

    async def rest(self, order: OpenOrder, step: Step) -> Step:
        """Look once more, when a hint arrives or when the time is over; return the next step."""
        if step.next is Next.ATTEND and self._hint.is_set() and not step.cancellable:
            # A parked grant whose card may exist: the workflow has not been told of the news.
            return step.model_copy(update={"next": Next.FOLLOW, "after": SOON})
        if step.next is not Next.FOLLOW:
            return step
        if not self._looked:
            await self._told(self._lane.timing.follow)
            with suppress(ProviderError):
                snapshot = await seen(self._lane, order)
                async with self._lane.database.transaction() as tx:
                    return await self._lane.record(tx, order.id, snapshot)
        # The hint was used up here, so the next look must not come late.
        return step.model_copy(update={"after": SOON}) if self._hint.is_set() else step

    async def _told(self, within: timedelta) -> bool:
        within = min(within, self._lane.timing.follow)
        with suppress(TimeoutError):
            async with asyncio.timeout(within.total_seconds()):
                await self._hint.wait()
        return self._hint.is_set()


def _awaits_news(placed: OrderSnapshot) -> bool:
    """Whether the order was accepted and is plainly pending. Any other answer is recorded as it is,
    because what came with it, such as a link, may never be shown again."""
    waits = placed.state is OrderState.PENDING and placed.delivery is DeliveryState.PENDING
    return waits and placed.recognised and not placed.awaits_funds and placed.secret is None
