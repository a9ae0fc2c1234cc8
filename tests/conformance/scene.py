"""What a scenario plays with: one provider, its lane, the database, and the grants to fulfil."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import NamedTuple

from activities.lane import ProviderLane, Timing
from activities.orders import OrderActivities
from domain.orders import OrderRequest
from providers.protocol import GiftCardProvider
from store.database import Database
from store.orders import attempts
from store.orders.attempts import Attempt
from store.tables import Event, Grant, Order
from tests.builders import add_grant, alter, gift_card, one, rows
from tests.conformance.adapters_under_test import UNDER_TEST, open_adapter
from tests.conformance.attempt_process import AttemptProcess, Job
from tests.conformance.hooks_received import HooksReceived
from tests.conformance.ordering_lane import Again, OrderingLane, lane_of
from tests.conformance.provider_side import ProviderSide


class Variant(NamedTuple):
    """The parts that a deliberately wrong implementation replaces."""

    adapter: Callable[[GiftCardProvider], GiftCardProvider] = lambda adapter: adapter
    activities: Callable[[ProviderLane], OrderActivities] = OrderActivities


class Places(NamedTuple):
    """Where everything runs."""

    database: Database
    database_url: str
    simulator_url: str


class Scene:
    """One provider's scene. Each grant has an amount of its own, by which the judge tells cards
    apart whatever their keys are."""

    def __init__(
        self, places: Places, side: ProviderSide, hooks: HooksReceived, adapter: GiftCardProvider
    ) -> None:
        self.database, self._places = places.database, places
        self.side, self.hooks, self.adapter = side, hooks, adapter
        self.name = side.provider
        self.parts = lane_of(self.database, adapter, hooks.url)
        self.lane = OrderingLane(OrderActivities(self.parts))
        self.grants: list[str] = []

    def play(self, variant: Variant) -> None:
        """From now on with these parts instead of the product's own."""
        self.parts = lane_of(self.database, variant.adapter(self.adapter), self.hooks.url)
        self.lane = OrderingLane(variant.activities(self.parts))

    async def grant(self) -> str:
        """One more grant to fulfil; answers its id."""
        product = UNDER_TEST[self.name].product_id
        reward = gift_card(15_00 + len(self.grants), provider=self.name, product_id=product)
        self.grants.append((await add_grant(self.database, reward)).id)
        return self.grants[-1]

    async def struck(self, grant_id: str) -> None:
        """One attempt whose request really reached the provider, whatever came of it."""
        before = await self.side.count("attempted")
        while await self.side.count("attempted") == before:
            with suppress(Again):
                await self.lane.place(grant_id)

    async def order(self, grant_id: str) -> Order:
        """The newest generation."""
        stored = await rows(self.database, Order, grant_id=grant_id)
        return max(stored, key=lambda order: order.generation)

    async def stored(self, grant_id: str) -> Grant:
        return await one(self.database, Grant, id=grant_id)

    async def told(self, type: str) -> int:
        """How many events of that type there are."""
        return len(await rows(self.database, Event, type=type))

    async def claimed(self, grant_id: str, lifetime: timedelta) -> Attempt:
        """The claim of a worker that is then heard of no more."""
        async with self.database.transaction() as tx:
            claimed = await attempts.claim(
                tx,
                self.name,
                grant_id,
                lifetime=lifetime,
                probe_every=self.parts.timing.resume,
                hooks=self.hooks.url,
                carrier="test",
            )
        assert isinstance(claimed, Attempt)
        return claimed

    def sending(self, request: OrderRequest) -> asyncio.Task[None]:
        """A request of ours that is on its way although nobody waits for its answer any more."""

        async def send() -> None:
            adapter = open_adapter(self.name, self._places.simulator_url, 30)
            try:
                await adapter.place_order(request)
            finally:
                await adapter.close()

        return asyncio.create_task(send())

    async def lapse(self, grant_id: str) -> None:
        """Let the time pass that a dead worker's claim still has to run."""
        await alter(self.database, await self.order(grant_id), claimed_until=None)

    def attempt_process(
        self, grant_id: str, timing: Timing, *, stops: bool = False
    ) -> AttemptProcess:
        """One attempt in a worker process of its own."""
        job = Job(
            provider=self.name,
            grant_id=grant_id,
            database_url=self._places.database_url,
            simulator_url=self._places.simulator_url,
            hooks_url=self.hooks.url,
            timing=timing,
            stops=stops,
        )
        return AttemptProcess(job)
