"""The lane's activities as Temporal would run them, and the provider's side of each test."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.lane import ProviderLane, Timing
from activities.orders import OrderActivities
from domain.messages import Step
from providers.giftcard_partners import GiftCardPartners, GiftCardPartnersSettings
from store.database import Database
from store.tables import Event, Grant, Order
from tests.builders import PROVIDER, one, rows

TIMING = Timing(
    attempt=timedelta(seconds=15),
    claim=timedelta(seconds=90),
    longest_delay=timedelta(seconds=10),
    resume=timedelta(minutes=1),
)
"""Patient, so that a busy machine changes no outcome."""
HURRIED = replace(TIMING, attempt=timedelta(seconds=3), claim=timedelta(seconds=4))
"""For the tests in which a claim lapses."""


def adapter_at(url: str) -> GiftCardPartners:
    """The adapter, with a credential that a fresh simulator accepts."""
    settings = GiftCardPartnersSettings.model_validate(
        {"url": url, "email": "buyer@example.com", "access_token": "secret"}
    )
    return GiftCardPartners(settings, within=TIMING.attempt.total_seconds())


class Provider:
    """What a test sets at the provider, and what it reads in its book."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def put(self, name: str, **body: Any) -> None:
        answer = await self._client.put(f"/_control/{name}", json=body)
        assert answer.is_success, answer.text

    async def fail(self, *, seed: int = 1, slow_seconds: float = 20, **rates: float) -> None:
        """These faults at these rates, and no others; none without arguments."""
        await self.put("faults", seed=seed, rates=rates, slow_seconds=slow_seconds)

    async def deliver(self, outcome: str = "delivered") -> None:
        """Settle every order, those under way too."""
        await self.put("delivery", seconds=0, outcome=outcome)

    async def tamper(self, **changes: Any) -> None:
        answer = await self._client.post("/_control/tamper", json={"provider": PROVIDER} | changes)
        assert answer.is_success, answer.text

    async def book(self) -> list[dict[str, Any]]:
        """The judge: every card really issued or promised."""
        answer = await self._client.get("/_control/book", params={"provider": PROVIDER})
        cards: list[dict[str, Any]] = answer.json()
        return cards

    async def asked(self) -> int:
        """How many order-creating requests have reached it."""
        stats = (await self._client.get("/_control/stats")).json()
        return int(stats[PROVIDER]["attempted"])

    async def holding(self, count: int = 1) -> None:
        """Wait until so many requests are held."""
        while (await self._client.get("/_control/hold")).json()["holding"] < count:
            await asyncio.sleep(0.02)


class LaneUnderTest:
    """Runs the activities, each call as the attempt of that number."""

    def __init__(self, database: Database, parts: ProviderLane) -> None:
        self.database = database
        self.parts = parts
        self._activities = OrderActivities(parts)

    def timed(self, timing: Timing) -> LaneUnderTest:
        """The same lane, of another patience."""
        return LaneUnderTest(self.database, replace(self.parts, timing=timing))

    async def place(self, grant_id: str, attempt: int = 1) -> Step:
        """One attempt; another one that is asked for is raised as ApplicationError."""
        return await self._environment(attempt).run(self._activities.place_order, grant_id)

    async def check(self, grant_id: str, attempt: int = 1) -> Step:
        return await self._environment(attempt).run(self._activities.check_order, grant_id)

    async def place_at_last(self, grant_id: str, most: int = 30) -> Step:
        """Try until there is an answer, as Temporal would, without its pauses."""
        for attempt in range(1, most + 1):
            try:
                return await self.place(grant_id, attempt)
            except ApplicationError as error:
                if error.type != "TryAgain":
                    raise
                await asyncio.sleep(0.02)
        raise AssertionError(f"no answer in {most} attempts")

    async def check_until(self, grant_id: str, status: str) -> Step:
        """Look until the grant has that status."""
        while True:
            step = await self.check(grant_id)
            if (await self.grant(grant_id)).status == status:
                return step
            await asyncio.sleep(0.05)

    async def grant(self, grant_id: str) -> Grant:
        return await one(self.database, Grant, id=grant_id)

    async def order(self, grant_id: str) -> Order:
        """The newest generation."""
        stored = await rows(self.database, Order, grant_id=grant_id)
        return max(stored, key=lambda order: order.generation)

    async def told(self, grant_id: str) -> list[str]:
        """Types of the grant's events, after its creation."""
        events = await rows(self.database, Event, grant_id=grant_id)
        return [event.type for event in events if event.type != "grant.created"]

    def _environment(self, attempt: int) -> ActivityEnvironment:
        environment = ActivityEnvironment()
        environment.info = replace(environment.info, attempt=attempt)
        return environment
