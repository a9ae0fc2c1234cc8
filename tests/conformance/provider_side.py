"""The provider's side of a scenario: what is set at the simulator, and what its book says."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx

from tests.conformance.adapters_under_test import HOOK_SECRET, UNDER_TEST

PATIENCE = 120
"""Seconds after which what a scenario waits for will not come any more."""


class ProviderSide:
    """One provider of the simulator. Everything set here concerns that provider alone."""

    def __init__(self, client: httpx.AsyncClient, provider: str) -> None:
        self._client = client
        self.provider = provider

    async def begin(self, hooks_url: str) -> None:
        """An empty book; every order is delivered as soon as it is placed."""
        await self.release()
        assert (await self._client.delete("/_control")).is_success
        await self.put("delivery", seconds=0, outcome="delivered")
        if UNDER_TEST[self.provider].tells_by_account:
            await self.put("webhook", url=f"{hooks_url}/hooks", secret=HOOK_SECRET)

    async def put(self, setting: str, **values: Any) -> None:
        body = {"provider": self.provider} | values
        answer = await self._client.put(f"/_control/{setting}", json=body)
        assert answer.is_success, answer.text

    async def fail(self, **rates: float) -> None:
        """These faults on every order-creating call or webhook; none without arguments."""
        await self.put("faults", seed=1, rates=rates, slow_seconds=30)

    async def hold(self, point: str) -> None:
        """Keep the next order-creating request waiting there."""
        await self.put("hold", point=point, count=1)

    async def release(self) -> None:
        """Let go of what is held, and hold nothing more."""
        await self.put("hold", point=None)

    async def holding(self) -> None:
        """Return once a request is held."""
        await self._until("holding")

    async def answer_what_is_held(self) -> None:
        """Let go of what is held at `committed`, and return once its answer has been sent."""
        await self.put("hold", point="answered", count=1)
        await self._until("answered")

    async def book(self, *, every: bool = False) -> list[dict[str, Any]]:
        """The judge's evidence: cards issued or promised; `every`: also orders that made none."""
        params = {"provider": self.provider, "all": str(every).lower()}
        cards: list[dict[str, Any]] = (
            await self._client.get("/_control/book", params=params)
        ).json()
        return cards

    async def count(self, what: str) -> int:
        """One of its counters since the book was emptied."""
        stats = (await self._client.get("/_control/stats")).json()
        return int(stats[self.provider][what])

    async def _until(self, what: str) -> None:
        """Wait for a request at the hold. A worker that died before it got there never comes."""
        async with asyncio.timeout(PATIENCE):
            while not (await self._client.get("/_control/hold")).json()[what]:
                await asyncio.sleep(0.02)
