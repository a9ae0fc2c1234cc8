"""The engine under load, over HTTP, until every referral is completed."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx

from bench.speed.load import Run, drive
from cli.stack.stack import Stack

CARD = {
    "kind": "gift_card",
    "provider": "giftcard-partners",
    "product_id": "CVS",
    "amount": 1500,
    "currency": "USD",
    "delivery": "email",
}

EVERY_FRIEND = {"name": "every friend", "criterion": "each_unique_referee", "reward": CARD}


def conversion(code: str, person: str) -> dict[str, Any]:
    """The body of an event that converts this person, a friend, by this code."""
    return {
        "event": "first_purchase",
        "customer": {"source_id": person, "name": "Friend", "email": f"{person}@example.com"},
        "referral": {"code": code},
    }


@dataclass
class Engine:
    """A running stack's API, with its credentials."""

    stack: Stack
    api: str = ""
    """The address of another API than the stack's own."""
    http: httpx.AsyncClient = field(init=False)

    def __post_init__(self) -> None:
        info = self.stack.info
        self.http = httpx.AsyncClient(
            base_url=self.api or self.stack.urls.api,
            headers={"X-App-Id": info.app_id, "X-App-Token": info.app_token},
            timeout=60,
            limits=httpx.Limits(max_connections=100, max_keepalive_connections=100),
        )

    async def prepare(self) -> None:
        """Make the simulator deliver at once, so that the figures do not contain the provider's own
        time."""
        await self.http.put(
            f"{self.stack.urls.simulator}/_control/delivery",
            json={"provider": "giftcard-partners", "seconds": 0, "outcome": "delivered"},
        )

    async def code(
        self,
        name: str | None = None,
        tiers: list[dict[str, Any]] | None = None,
        referee_reward: dict[str, Any] | None = CARD,
    ) -> tuple[str, str]:
        """Make a campaign and publish a code: (campaign id, code). Without a program the campaign
        rewards both sides with a card."""
        name = name or f"bench {uuid4().hex}"
        campaign = await self.post(
            "/v1/campaigns",
            {
                "name": name,
                "campaign_type": "REFERRAL_PROGRAM",
                "type": "AUTO_UPDATE",
                "voucher": {
                    "type": "DISCOUNT_VOUCHER",
                    "discount": {"type": "PERCENT", "percent_off": 10},
                },
                "referral_program": {
                    "conversion_event_type": "custom_event",
                    "custom_event": {"name": "first_purchase"},
                    "referee_reward": referee_reward,
                    "tiers": tiers or [EVERY_FRIEND],
                },
            },
        )
        published = await self.post(
            "/v1/publications",
            {
                "campaign": {"name": name, "count": 1},
                "customer": {
                    "source_id": uuid4().hex,
                    "name": "Referrer",
                    "email": "referrer@example.com",
                },
            },
        )
        return campaign["id"], published["voucher"]["code"]

    async def convert(self, code: str) -> dict[str, Any]:
        """Convert one new friend."""
        return await self.post("/v1/events", conversion(code, uuid4().hex))

    async def accept(self, calls: int, at_once: int) -> tuple[str, Run]:
        """Send conversions, as many at once as there are referrers: (campaign id, the
        measurements)."""
        campaign_id, codes = await self.codes(at_once)

        async def call(number: int) -> None:
            await self.convert(codes[number % len(codes)])

        return campaign_id, await drive(calls, at_once, call)

    async def complete(self, calls: int, at_once: int) -> float:
        """Completed referrals per second, from the first request until the last card is
        delivered."""
        began = time.perf_counter()
        campaign_id, _ = await self.accept(calls, at_once)
        await self.finished(campaign_id, calls)
        return calls / (time.perf_counter() - began)

    async def finished(self, campaign_id: str, calls: int, limit: float = 300) -> None:
        """Wait until all of a campaign's referrals are completed."""
        deadline = time.monotonic() + limit
        while time.monotonic() < deadline:
            answer = await self.http.get(
                "/v1/referrals",
                params={"campaign_id": campaign_id, "status": "completed", "limit": 1},
            )
            if answer.json()["total"] >= calls:
                return
            await asyncio.sleep(0.5)  # rarely, because the request costs the API work too
        raise TimeoutError(f"{campaign_id}: not all of {calls} referrals completed")

    async def codes(self, count: int) -> tuple[str, list[str]]:
        """Make a campaign and publish a code for each of this many referrers: (campaign id,
        codes)."""
        campaign_id, first = await self.code()
        codes = [first]
        for _ in range(count - 1):
            published = await self.post(
                "/v1/publications",
                {
                    "campaign": {"name": campaign_id, "count": 1},
                    "customer": {"source_id": uuid4().hex, "email": "referrer@example.com"},
                },
            )
            codes.append(published["voucher"]["code"])
        return campaign_id, codes

    async def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = await self.http.post(path, json=body)
        if answer.status_code not in (200, 201):
            raise RuntimeError(f"{path}: {answer.status_code} {answer.text[:300]}")
        content: dict[str, Any] = answer.json()
        return content
