"""Somebody who has everything is erased; then nothing of them is found, neither in a dump of
PostgreSQL nor in Temporal's own database, but keyed hashes."""

from __future__ import annotations

import json
import re
import subprocess
from typing import Any

import httpx
import pytest

from cli.stack.postgres import _binary as postgres_program
from cli.stack.stack import Stack
from tests.api.api_bodies import campaign_body, card, made, tier
from tests.failure.judge import Judge

NEEDLE = "zqxvw"
"""Part of everything that the person, the callers and staff write about the person."""
PERSON = {
    "source_id": f"{NEEDLE}-user",
    "name": f"{NEEDLE} Doe",
    "email": f"{NEEDLE}@example.com",
    "description": f"likes {NEEDLE}",
    "address": {"line_1": f"1 {NEEDLE} Street", "city": NEEDLE, "country": "US"},
    "metadata": {"nick": NEEDLE},
}
ANY = {"metadata": {"about": NEEDLE}}


class World:
    """The stack over HTTP; every POST has an Idempotency-Key, so that its answer is kept."""

    def __init__(self, judge: Judge) -> None:
        self.http = judge.engine.http
        self.judge = judge
        self._keys = 0

    async def post(self, path: str, body: Any) -> httpx.Response:
        self._keys += 1
        about_them = NEEDLE in json.dumps(body)
        headers = {"Idempotency-Key": f"{NEEDLE if about_them else 'key'}-{self._keys}"}
        return await self.http.post(path, json=body, headers=headers)

    async def make(self, path: str, body: Any, status: int = 200) -> Any:
        return await made(self.post(path, body), status)

    async def at_rest(self, referral_id: str) -> dict[str, Any]:
        """The referral, once its grants are delivered."""
        path = f"/v1/referrals/{referral_id}"

        async def delivered() -> bool:
            grants = (await made(self.http.get(path)))["grants"]
            return bool(grants) and {each["status"] for each in grants} == {"delivered"}

        await self.judge.eventually(delivered, "the cards are delivered", seconds=300)
        return dict(await made(self.http.get(path)))


async def _campaign(world: World) -> dict[str, Any]:
    program = {"referee_reward": card(), "tiers": [tier(card(2000))]}
    return dict(await world.make("/v1/campaigns", campaign_body(program)))


async def _share(world: World, campaign: dict[str, Any], customer: Any, **more: Any) -> str:
    body = {"campaign": {"name": campaign["name"]}, "customer": customer}
    publication = await world.make("/v1/publications", body | more)
    return str(publication["voucher"]["code"])


async def _referrer(world: World) -> None:
    """They share a code of their own, and a friend buys."""
    campaign = await _campaign(world)
    path = f"/v1/campaigns/{campaign['id']}/vouchers"
    coded = await world.make(f"{path}/HERCODE1", {"metadata": {"about": NEEDLE}})
    shared = {"source_id": f"{NEEDLE}-pub", "channel": f"{NEEDLE}-mail"} | ANY
    body = {"voucher": coded["code"], "customer": PERSON} | shared
    await world.make("/v1/publications", body)
    event = {
        "event": "first_purchase",
        "customer": {"source_id": "friend-1", "email": "friend-1@example.com"},
        "referral": {"code": coded["code"]},
    }
    referral = (await world.make("/v1/events", event))["referral"]
    await world.at_rest(referral["id"])


async def _friend(world: World) -> None:
    """They buy with somebody's code, and staff speak about it."""
    campaign = await _campaign(world)
    other = {"source_id": "referrer-1", "email": "referrer-1@example.com"}
    code = await _share(world, campaign, other)
    event = {
        "event": "first_purchase",
        "customer": PERSON,
        "referral": {"code": code},
        "metadata": {"event_id": f"{NEEDLE}-event", "order_source_id": f"{NEEDLE}-order"},
    }
    referral = await world.at_rest((await world.make("/v1/events", event))["referral"]["id"])
    (own,) = [each for each in referral["grants"] if each["role"] == "referee"]
    words = {"reason": f"{NEEDLE} called"}
    again = words | {"email": f"{NEEDLE}-2@example.com"}
    answer = await world.post(f"/v1/grants/{own['id']}/resend", again)
    assert answer.status_code in (200, 409), answer.text
    await world.make(f"/v1/referrals/{referral['id']}/reverse", words)


async def _redemptions(world: World) -> None:
    """They use a code at checkout, give it back, and type wrong ones."""
    campaign = await _campaign(world)
    code = await _share(world, campaign, {"source_id": "referrer-2"})
    used = {
        "redeemables": [{"object": "voucher", "id": code}],
        "customer": PERSON,
        "tracking_id": f"{NEEDLE}-track",
        "order": {
            "source_id": f"{NEEDLE}-order-2",
            "amount": 4000,
            "items": [{"source_id": f"{NEEDLE}-item", "quantity": 1, "price": 4000}],
        },
    } | ANY
    redeemed = (await world.make("/v1/redemptions", used))["redemptions"][0]
    back = {"reason": f"{NEEDLE} sent it back", "tracking_id": f"{NEEDLE}-back"} | ANY
    await world.make(f"/v1/redemptions/{redeemed['id']}/rollback", back)
    wrong = used | {"redeemables": [{"object": "voucher", "id": f"{NEEDLE}-wrong"}]}
    for order in (f"{NEEDLE}-order-3", f"{NEEDLE}-order-4"):
        asked = wrong | {"order": {"source_id": order, "amount": 4000}}
        assert (await world.post("/v1/redemptions", asked)).status_code in (400, 404)
    for path in ("/v1/validations", "/v1/referrals", "/v1/events"):
        await world.post(path, _wrong(path))
    await world.post("/v1/publications", {"campaign": {"name": "none"}, "customer": PERSON} | ANY)


def _wrong(path: str) -> dict[str, Any]:
    code = f"{NEEDLE}-wrong"
    if path == "/v1/validations":
        return {"redeemables": [{"object": "voucher", "id": code}], "customer": PERSON}
    if path == "/v1/referrals":
        return {"code": code, "customer": PERSON} | ANY
    return {"event": "first_purchase", "customer": PERSON, "referral": {"code": code}}


async def _data(world: World) -> None:
    """They are exported by their own words, and imported with mistakes."""
    for field, word, value in (
        ("email", "$is", f"{NEEDLE}@example.com"),
        ("name", "$starts_with", NEEDLE),
        ("metadata.nick", "$contains", NEEDLE[1:]),
    ):
        filters = {field: {"conditions": {word: [value]}}}
        body = {"exported_object": "customer", "parameters": {"filters": filters}}
        await world.make("/v1/exports", body)
    row = dict(PERSON) | {"birthdate": f"{NEEDLE}"}
    await world.make("/v1/customers/bulk/async", [PERSON, row], 202)
    text = f"Source_id,Name,Email\n{NEEDLE}-user,{NEEDLE},{NEEDLE} no address\n"
    files = {"file": ("c.csv", text, "text/csv")}
    await made(world.http.post("/v1/customers/importCSV", files=files), 202)

    async def done() -> bool:
        listed = (await made(world.http.get("/v1/async-actions")))["async_actions"]
        return {each["status"] for each in listed} == {"DONE"}

    await world.judge.eventually(done, "the imports are done", seconds=300)


@pytest.mark.timeout(900)
async def test_nothing_is_left_of_somebody_who_had_everything(stack: Stack, judge: Judge) -> None:
    world = World(judge)
    await world.make("/v1/customers", PERSON)
    for lives in (_referrer, _friend, _redemptions, _data):
        await lives(world)
    assert len(_found(_dump(stack))) > 20, "the search finds what is there"

    async def erased() -> bool:
        answer = await world.http.delete(f"/v1/customers/{PERSON['source_id']}")
        assert answer.status_code in (204, 409), answer.text
        return answer.status_code == 204

    await judge.eventually(erased, "their cards are at rest", seconds=300)
    left = _found(_dump(stack))
    assert left == [], "\n".join(left)
    assert _temporal_found(stack) == []


def _dump(stack: Stack) -> str:
    asked = [postgres_program("pg_dump"), "--inserts", stack.info.postgres.url]
    done = subprocess.run(asked, capture_output=True, text=True, check=True)
    return done.stdout


def _found(dump: str) -> list[str]:
    """The lines that hold the needle, also within binary columns."""
    return [line[:300] for line in dump.splitlines() if NEEDLE in _readable(line).lower()]


def _readable(line: str) -> str:
    decoded = (bytes.fromhex(found) for found in re.findall(r"\\x((?:[0-9a-f]{2})+)", line))
    return line + "".join(each.decode("latin-1") for each in decoded)


def _temporal_found(stack: Stack) -> list[str]:
    files = [path for path in stack.home.rglob("*") if "temporal" in path.name and path.is_file()]
    databases = [path for path in files if ".log" not in path.name]
    assert databases
    return [path.name for path in databases if NEEDLE.encode() in path.read_bytes().lower()]
