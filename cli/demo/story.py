"""The demo's story: one referrer, five friends, and every referral followed to its end."""

import asyncio
import json
import time
from typing import Any

import httpx
from rich.console import Console
from rich.text import Text

from cli.demo import programme
from cli.demo.client import DemoFailed, everything, get, post

PATIENCE = 240.0
"""Seconds until every referral must have completed; it normally takes a few."""

STYLES = {"workflow": "cyan", "engine": "green", "provider": "magenta", "staff": "yellow"}


class Story:
    """Runs the case over HTTP, and prints what happens while it happens."""

    def __init__(self, client: httpx.AsyncClient, out: Console) -> None:
        self._client = client
        self._out = out

    async def run(self) -> None:
        """Five friends sign up, buy, and are followed until everything is delivered."""
        code = await self._publish_code()
        referrals = {name: await self._sign_up(name, code) for name in programme.FRIENDS}
        async with asyncio.TaskGroup() as following:
            for name, referral_id in referrals.items():
                following.create_task(self._follow(name, referral_id))
            for name in programme.FRIENDS:
                await self._buy(name)

    async def _publish_code(self) -> str:
        campaign = await post(self._client, "/v1/campaigns", programme.campaign())
        self._tell(f"The campaign “{campaign['name']}” is live: {campaign['id']}")
        ana = await post(self._client, "/v1/customers", programme.person(programme.REFERRER))
        body = {"customer": {"id": ana["id"]}, "campaign": {"name": campaign["name"]}}
        publication = await post(self._client, "/v1/publications", body)
        code: str = publication["voucher"]["code"]
        self._tell(f"{programme.REFERRER} shares the code {code}")
        return code

    async def _sign_up(self, name: str, code: str) -> str:
        body = {"code": code, "customer": programme.person(name)}
        referral = await post(self._client, "/v1/referrals", body)
        self._tell(f"{name} signs up with it: {referral['id']} is {referral['status']}")
        referral_id: str = referral["id"]
        return referral_id

    async def _buy(self, name: str) -> None:
        event = {
            "event": programme.EVENT,
            "customer": {"source_id": programme.person(name)["source_id"]},
            "metadata": {"event_id": f"demo-order-{name.lower()}"},
        }
        answer = await post(self._client, "/v1/events", event)
        if answer["referral"] is None:
            raise DemoFailed(f"{name}'s purchase converted no referral")
        self._tell(f"{name} makes a first purchase")

    async def _follow(self, name: str, referral_id: str) -> None:
        told: set[str] = set()
        deadline = time.monotonic() + PATIENCE
        while True:
            referral = await get(self._client, f"/v1/referrals/{referral_id}")
            await self._tell_news(name, referral_id, told)
            if referral["status"] == "completed":
                return
            if referral["status"] in ("rejected", "expired", "reversed", "needs_attention"):
                raise DemoFailed(f"{name}'s referral {referral_id} is {referral['status']}")
            if time.monotonic() > deadline:
                raise DemoFailed(
                    f"{name}'s referral {referral_id} is still {referral['status']} "
                    f"after {PATIENCE:.0f} s"
                )
            await asyncio.sleep(0.25)

    async def _tell_news(self, name: str, referral_id: str, told: set[str]) -> None:
        for entry in await everything(self._client, f"/v1/referrals/{referral_id}/timeline"):
            # Compared by content, not position: provider news can be dated before printed entries.
            key = json.dumps(entry, sort_keys=True)
            if key not in told:
                told.add(key)
                self._out.print(_line(name, entry), soft_wrap=True)

    def _tell(self, line: str) -> None:
        self._out.print(Text(line, style="bold"), soft_wrap=True)


def _line(name: str, entry: dict[str, Any]) -> Text:
    detail = f": {entry['detail']}" if entry.get("detail") else ""
    attempt = f" (attempt {entry['attempt']})" if entry.get("attempt") else ""
    return Text.assemble(
        f"  {name:<6} ",
        (f"{entry['source']:<9} ", STYLES.get(entry["source"], "")),
        f"{entry['title']}{attempt}{detail}",
    )
