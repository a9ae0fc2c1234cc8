"""Brings each order to its outcome when its time has come."""

import asyncio

from simulator.book import Order
from simulator.provider import Provider
from simulator.world import World

BATCH = 200
TICK_SECONDS = 0.02
"""Orders that are due within a tick of one another share one commit."""


class Delivery:
    """The task that settles orders. A new setting also applies to open orders."""

    def __init__(self, world: World, providers: list[Provider]) -> None:
        self._world = world
        self._providers = providers

    async def run(self) -> None:
        """Settle what is due, for ever."""
        while True:
            self._world.changed.clear()
            seconds = self._settle_due()
            try:
                async with asyncio.timeout(seconds):
                    await self._world.changed.wait()
            except TimeoutError:
                continue
            await asyncio.sleep(TICK_SECONDS)

    def _settle_due(self) -> float | None:
        """Return the seconds until the next order falls due, None when there is none."""
        waits = [self._settle_provider(provider) for provider in self._providers]
        due = [wait for wait in waits if wait is not None]
        return max(TICK_SECONDS, min(due)) if due else None

    def _settle_provider(self, provider: Provider) -> float | None:
        world = self._world
        setting = world.setting("delivery", provider.name)
        if setting["outcome"] == "never":
            return None
        until = world.now() - setting["seconds"]
        orders = world.book.unsettled(provider.name, until, BATCH)
        if orders:
            with world.db.transaction():
                for order in orders:
                    settle(provider, order)
        oldest = world.book.oldest_unsettled(provider.name)
        return None if oldest is None else oldest + setting["seconds"] - world.now()


def settle(provider: Provider, order: Order) -> list[int]:
    """Bring one order to the current outcome, in the caller's transaction; return the
    webhook rows."""
    outcome = provider.world.setting("delivery", provider.name)["outcome"]
    if outcome == "never" or order.settled:
        return []
    rows = provider.settle(order, outcome)
    order.settled = True
    provider.world.book.save(order)
    return rows
