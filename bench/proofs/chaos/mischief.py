"""Faults between Guerdon and its providers: failing calls, and forged webhooks."""

from __future__ import annotations

import asyncio
import random
import time
from typing import Any, NamedTuple

import httpx

from bench.proofs.chaos.peek import peek
from cli.stack.stack import Stack
from providers.registry import KNOWN

RATES = {
    # Together they affect a fifth of all order-creating calls: 1 - 0.9635 ** 6.
    **dict.fromkeys(
        ("drop_before", "drop_after", "error_before", "error_after", "slow", "garbage"), 0.0365
    ),
    "webhook_lost": 0.2,
    "webhook_duplicate": 0.2,
    "webhook_reorder": 0.2,
    "webhook_early": 0.2,
}
_DOUBTFUL = "SELECT provider, hook_token FROM orders WHERE state = 'unknown' LIMIT 20"
"""Orders for which no card is known to exist; some really have none."""


class Trouble(NamedTuple):
    """A temporary setting of a provider: the `_control` request that sets it, and the one that ends
    it."""

    name: str
    begins: dict[str, Any]
    over: dict[str, Any]


TROUBLES = (
    Trouble("funds", {"amount": 0}, {"amount": 100_000_000_00}),
    Trouble("credentials", {"accept": False}, {"accept": True}),
    Trouble("rate", {"per_second": 2}, {"per_second": None}),
)
_CALM, _TROUBLED = (3.0, 10.0), (1.0, 5.0)
"""Minimum and maximum seconds."""


class Mischief:
    """The simulator's faults, and an attacker who knows webhook addresses."""

    def __init__(self, stack: Stack, http: httpx.AsyncClient) -> None:
        self._stack = stack
        self._http = http
        self.forged = self.troubles = 0

    async def begin(self, seed: int) -> None:
        """From now on a fifth of all provider calls fail, including reads."""
        faults = {"seed": seed, "rates": RATES, "slow_seconds": 8, "reads": True}
        await self._control("faults", faults)

    async def end(self) -> None:
        """End all faults."""
        await self._control("faults", {"rates": {}})
        for trouble in TROUBLES:
            for provider in sorted(KNOWN):
                await self._control(trouble.name, {"provider": provider} | trouble.over)

    async def trouble(self, dice: random.Random) -> None:
        """From time to time one provider is out of funds, refuses our credentials or limits our
        rate, for a few seconds; until cancelled."""
        while True:
            await asyncio.sleep(dice.uniform(*_CALM))
            trouble, provider = dice.choice(TROUBLES), dice.choice(sorted(KNOWN))
            await self._control(trouble.name, {"provider": provider} | trouble.begins)
            self.troubles += 1
            await asyncio.sleep(dice.uniform(*_TROUBLED))
            await self._control(trouble.name, {"provider": provider} | trouble.over)

    async def forge(self) -> None:
        """Send forged webhooks of deliveries until cancelled. A webhook is a hint, so each may only
        cost a look at the order."""
        while True:
            for provider, token in await peek(self._stack.urls.database, _DOUBTFUL):
                await self._lie(provider, token)
            await asyncio.sleep(0.3)

    async def _lie(self, provider: str, token: str) -> None:
        says = {"id": "forged", "status": "delivered", "event": "REWARDS.DELIVERY.SUCCEEDED"}
        try:
            answer = await self._http.post(f"/hooks/{provider}/{token}", json=says)
        except httpx.TransportError:
            return
        self.forged += answer.status_code == 202

    async def _control(self, name: str, body: dict[str, Any], seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while True:
            try:
                url = f"{self._stack.urls.simulator}/_control/{name}"
                (await self._http.put(url, json=body)).raise_for_status()
                return
            except httpx.TransportError:
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(0.3)  # it was just killed
