"""What people do during a run: whole and partial refunds, repeats with other content, and a manager
who pauses a campaign and edits its rewards."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import Any

import httpx

from bench.proofs.chaos.callers import PAID, Callers, order_of
from bench.proofs.chaos.programme import Friend

_PART = 10_00
_AMOUNTS = (10_00, 12_00)
"""The value of a referrer's card, before and after an edit."""
_GOES_ON, _PAUSED = (4.0, 10.0), (0.5, 2.0)
"""Minimum and maximum seconds."""


class People:
    """Refunds and repeats of one plan's friends, and its manager."""

    def __init__(self, callers: Callers, http: httpx.AsyncClient) -> None:
        self._callers, self._http = callers, http
        self.done: Counter[str] = Counter()

    async def before(self, friend: Friend) -> None:
        """Refunds that come before their purchase; repeated after it."""
        if friend.early:
            await self._refunds(friend)
            self.done["early refunds"] += friend.refund is not None

    async def after(self, friend: Friend) -> None:
        """Refunds, each sent twice; and the event once more, with another amount."""
        await self._refunds(friend)
        if friend.plan.returns and friend.number % 2:
            await self._contradict(friend)

    async def _refunds(self, friend: Friend) -> None:
        if friend.refund == "whole":
            await self._refund(friend, "whole", None)
        if friend.refund == "parts":
            for name in ("first", "second"):
                await self._refund(friend, name, _PART)

    async def _refund(self, friend: Friend, name: str, amount: int | None) -> None:
        body: dict[str, Any] = {
            "order_source_id": order_of(friend)["source_id"],
            "campaign_id": friend.campaign_id,
            "reason": "returned",
            "metadata": {"refund_id": f"{friend.event_id}-{name}"},
        }
        if amount is not None:
            body |= {"amount": amount, "currency": "USD"}
        for _ in range(2):
            await self._callers.post("/v1/reversals", body)
        self.done[f"refund {name}"] += 1

    async def _contradict(self, friend: Friend) -> None:
        """The same event id with another amount is refused."""
        body = self._callers.event(friend) | {"order": order_of(friend) | {"amount": PAID * 2}}
        key = await self._callers.refused(body)
        if key != "identity_reused":
            self._callers.ledger.contradictions.append(
                f"friend {friend.number}'s event was taken with another sum: {key}"
            )
        self.done["changed repeat"] += 1

    async def manage(self, campaign_id: str, dice: random.Random) -> None:
        """Pause and edit the campaign from time to time; enabled again when cancelled."""
        tier = (await self._until(self._http.get, f"/v1/campaigns/{campaign_id}/tiers"))["data"][0]
        path = f"/v1/campaigns/{campaign_id}"
        try:
            while True:
                await asyncio.sleep(dice.uniform(*_GOES_ON))
                reward = tier["reward"] | {"amount": dice.choice(_AMOUNTS)}
                await self._until(self._http.put, f"{path}/tiers/{tier['id']}", {"reward": reward})
                await self._until(self._http.post, f"{path}/disable")
                self.done["edit and pause"] += 1
                await asyncio.sleep(dice.uniform(*_PAUSED))
                await self._until(self._http.post, f"{path}/enable")
        except asyncio.CancelledError:
            await self._until(self._http.post, f"{path}/enable")
            raise

    async def _until(self, call: Any, path: str, body: Any = None, tries: int = 100) -> Any:
        """Repeat while the API is down."""
        for _ in range(tries):
            try:
                answer = await (call(path, json=body) if body is not None else call(path))
                if answer.status_code < 500:
                    return answer.raise_for_status().json()
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.3)
        raise TimeoutError(f"{path}: the API did not come back")
