"""Staying with an order for the second or two in which most cards are issued.

It saves the workflow a signal, an activity and two tasks a card; and a card whose webhook comes at
once is recorded in one transaction instead of two. What takes longer is left to the workflow's own
signals and polls. A lane's rate allows one look for each order that is placed."""

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
"""Seconds for a look before anything is recorded: the claim has to last."""


async def seen(lane: ProviderLane, order: OpenOrder) -> OrderSnapshot:
    """What the provider shows of the order. A link that it shows only to who asks for it is
    asked for here, once, so that nobody else has to call the provider for it."""
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
    """One order, right behind its placing. `hint`: set when its provider has told of news."""

    def __init__(self, lane: ProviderLane, hint: asyncio.Event) -> None:
        self._lane, self._hint = lane, hint
        self._looked = False

    async def first(self, order: OpenOrder, placed: OrderSnapshot) -> OrderSnapshot:
        """What is to be recorded: how the order was placed, or what the provider shows of it by
        now, if it tells of news at once. Until it is recorded the claim holds, and whoever takes
        over after a crash asks under the same key."""
        if not _awaits_news(placed) or not await self._told(_AT_ONCE):
            return placed
        self._looked = True
        with suppress(ProviderError, TimeoutError):
            async with asyncio.timeout(_BRIEFLY):
                shown = await seen(self._lane, order)
            return shown.model_copy(update={"charged": shown.charged or placed.charged})
        return placed

    async def rest(self, order: OpenOrder, step: Step) -> Step:
        """The step after the look at the provider's hint, or at the end of the time."""
        if step.next is Next.ATTEND and self._hint.is_set() and not step.cancellable:
            # What is parked and may have been bought: the workflow has not heard of the news.
            return step.model_copy(update={"next": Next.FOLLOW, "after": SOON})
        if step.next is not Next.FOLLOW:
            return step
        if not self._looked:
            await self._told(self._lane.timing.follow)
            with suppress(ProviderError):
                snapshot = await seen(self._lane, order)
                async with self._lane.database.transaction() as tx:
                    return await self._lane.record(tx, order.id, snapshot)
        # A hint that was heard here would be lost if the next look came late.
        return step.model_copy(update={"after": SOON}) if self._hint.is_set() else step

    async def _told(self, within: timedelta) -> bool:
        within = min(within, self._lane.timing.follow)
        with suppress(TimeoutError):
            async with asyncio.timeout(within.total_seconds()):
                await self._hint.wait()
        return self._hint.is_set()


def _awaits_news(placed: OrderSnapshot) -> bool:
    """Is it taken as usual, with everything still to come? What came with the answer, such as a
    link, may never be shown again, and is recorded as it is."""
    waits = placed.state is OrderState.PENDING and placed.delivery is DeliveryState.PENDING
    return waits and placed.recognised and not placed.awaits_funds and placed.secret is None
