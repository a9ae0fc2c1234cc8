"""A referral is found by whatever somebody knows of it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from store.database import Database
from store.tables import Order
from tests.api.api_bodies import made, person, redemption_body, share
from tests.builders import add_grant, alter, rows
from tests.ordering import attempt

FRIEND = {
    "source_id": "shop/user-4711",
    "name": "Zoë O'Hara-Smith",
    "email": "zoe.ohara@acme.example",
    "phone": "+1 (555) 010-7788",
}


async def _referred(service: httpx.AsyncClient) -> tuple[Any, Any]:
    """A referral of FRIEND's, beside another one."""
    wanted, other = await share(service), await share(service)
    body = redemption_body(
        wanted.code, customer=FRIEND, order={"source_id": "cart-77", "amount": 100}
    )
    redeemed = await made(service.post("/v1/redemptions", json=body))
    await made(service.post("/v1/referrals", json={"code": other.code, "customer": person()}), 201)
    return wanted, redeemed["redemptions"][0]


async def _found(service: httpx.AsyncClient, q: str) -> list[str]:
    listed = await made(service.get("/v1/referrals", params={"q": q}))
    assert listed["total"] == len(listed["data"])
    return [one["id"] for one in listed["data"]]


async def test_a_referral_is_found_by_each_of_its_ids_and_names(service: httpx.AsyncClient) -> None:
    wanted, redemption = await _referred(service)
    id = redemption["referral"]["id"]
    referral = await made(service.get(f"/v1/referrals/{id}"))
    for q in (
        *("zoë o'hara", "SMITH zo", "ohara", "zoe.ohara@acme.example", "ZOE.OHARA@acme.example"),
        *("zoe.ohara@ac", "15550107788", "+1 555 010 77 88", "shop/user-4711", "4711", "cart-77"),
        *(id, referral["referee_id"], referral["referrer_id"], redemption["id"]),
        *(wanted.code, wanted.code.lower(), wanted.code[4:], wanted.code[4:9]),
    ):
        assert await _found(service, q) == [id], q
    for q in ("zoë nobody", "hara@nowhere.example", "55501077", "cart-7", "%%", "___"):
        assert await _found(service, q) == [], q


async def test_a_referral_is_found_by_the_provider_s_order_id(
    service: httpx.AsyncClient, database: Database
) -> None:
    grant = await add_grant(database)
    await attempt(database, grant.id)
    (order,) = await rows(database, Order)
    await alter(database, order, provider_order_id="EGC/2026-991")
    for q in (grant.id, order.id, order.key, "EGC/2026-991"):
        assert await _found(service, q) == [grant.referral_id], q


async def test_a_word_that_very_many_have_finds_the_newest_first(
    service: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = await share(service)
    made_in_order = []
    for number in range(4):
        name = "Common Name" if number != 1 else "Other"
        sent = {"code": shared.code, "customer": person(name=name)}
        made_in_order.append((await made(service.post("/v1/referrals", json=sent), 201))["id"])
    monkeypatch.setattr("store.lists.words.EXACT", 0)
    listed = await made(service.get("/v1/referrals", params={"q": "comm", "limit": 2}))
    assert [one["id"] for one in listed["data"]] == [made_in_order[3], made_in_order[2]]
    assert (listed["has_more"], listed["total_exact"]) == (True, False)
    assert listed["total"] >= 3
    further = {"q": "comm", "limit": 2, "starting_after_id": made_in_order[2]}
    rest = await made(service.get("/v1/referrals", params=further))
    assert [one["id"] for one in rest["data"]] == [made_in_order[0]]
