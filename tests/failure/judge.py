"""What the outside sees of a stack that is broken on purpose."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from bench.speed.engine import Engine
from cli.stack.stack import Stack


class Judge:
    """What the outside sees: the API's lists, and the provider's own book."""

    def __init__(self, stack: Stack, engine: Engine) -> None:
        self.stack, self.engine = stack, engine

    async def control(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Call the simulator's `/_control`."""
        url = f"{self.stack.urls.simulator}/_control{path}"
        answer = await self.engine.http.request(method, url, json=body)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    async def book(self) -> list[dict[str, Any]]:
        """Every card that the provider issued."""
        rows: list[dict[str, Any]] = await self.control("GET", "/book?provider=giftcard-partners")
        return rows

    async def referrals(self, campaign_id: str, **filters: str) -> dict[str, Any]:
        """A page of a campaign's referrals."""
        answer = await self.engine.http.get(
            "/v1/referrals", params={"campaign_id": campaign_id, "limit": 100} | filters
        )
        answer.raise_for_status()
        page: dict[str, Any] = answer.json()
        return page

    async def grants(self, campaign_id: str) -> list[dict[str, Any]]:
        """All grants of a campaign."""
        grants: list[dict[str, Any]] = []
        page: dict[str, Any] = {"has_more": True}
        while page["has_more"]:
            query: dict[str, Any] = {"campaign_id": campaign_id, "limit": 100}
            if grants:
                query["starting_after_id"] = grants[-1]["id"]
            page = (await self.engine.http.get("/v1/grants", params=query)).json()
            grants += page["data"]
        return grants

    async def one_card_for_each(self, grants: list[dict[str, Any]]) -> None:
        """The provider's book holds exactly one order for each of these grants, to the cent."""
        book = await self.book()
        for grant in grants:
            cards = [row for row in book if row["key"] == grant["order"]["key"]]
            assert len(cards) == 1, f"{len(cards)} cards for grant {grant['id']}"
            assert cards[0]["amount"] == grant["order"]["face_amount"]
            assert cards[0]["state"] == "issued"
        keys = [row["key"] for row in book]
        assert len(keys) == len(set(keys))

    async def eventually(
        self, check: Callable[[], Awaitable[bool]], what: str, seconds: float = 180
    ) -> None:
        """Wait until the check holds. To look takes processor time from what is waited for, so the
        looks get rarer."""
        deadline, pause = time.monotonic() + seconds, 0.1
        while True:
            try:
                if await check():
                    return
            except httpx.TransportError:
                pass  # killed processes take their connections with them
            assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
            await asyncio.sleep(pause)
            pause = min(1.0, pause * 1.2)
