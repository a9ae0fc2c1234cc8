"""Roles that see no persons: whatever they read, nobody is in it, and nothing can be guessed."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI

from domain.roles import Role
from store.database import Database
from tests.api.api_app import client_of, headers_for
from tests.api.api_bodies import card, event_body, made, redemption_body, refused, share, tier
from tests.api.http.test_roles import ROWS

NEEDLE = "zqxvw"
JANE = {
    "source_id": f"{NEEDLE}-user",
    "name": f"J. {NEEDLE}",
    "email": f"{NEEDLE}@example.com",
    "phone": f"+1555{NEEDLE}",
    "description": NEEDLE,
    "address": {"line_1": NEEDLE, "city": NEEDLE, "country": "US"},
    "metadata": {"nick": NEEDLE},
}
ABOUT = {"metadata": {"about": NEEDLE}}
MASKED = {"f": Role.FINANCE, "m": Role.MANAGER, "o": Role.OPERATOR}

World = dict[str, str]


@pytest_asyncio.fixture
async def world(admin: httpx.AsyncClient) -> World:
    """Somebody whose every word is a needle; answers the ids by which paths name things."""
    shared = await share(admin, {"referee_reward": card(), "tiers": [tier(card())]})
    ids = {"campaign_id": shared.campaign_id, "code": shared.code}
    event = event_body(shared.code, JANE, metadata={"order_source_id": "order-1"})
    referral = (await made(admin.post("/v1/events", json=event)))["referral"]
    publication = {
        "campaign": {"name": shared.campaign},
        "customer": JANE,
        "source_id": f"{NEEDLE}-pub",
        "channel": f"{NEEDLE}-channel",
    } | ABOUT
    given = await made(admin.post("/v1/publications", json=publication))
    used = await _redeemed(admin)
    filters = {"email": {"conditions": {"$starts_with": [NEEDLE]}}}
    asked = {"exported_object": "customer", "parameters": {"filters": filters, "fields": ["id"]}}
    export = await made(admin.post("/v1/exports", json=asked))
    segment = {"name": "s", "filter": {"junction": "and", **filters}}
    created = await admin.post("/v1/segments", json=segment)
    customer = await made(admin.get(f"/v1/customers/{JANE['source_id']}"))
    return ids | {
        "customer_id": customer["id"],
        "referral_id": referral["id"],
        "member_id": given["voucher"]["id"],
        "redemption_id": used,
        "export_id": export["id"],
        "segment_id": created.json().get("id", "seg_x"),
    }


async def _redeemed(admin: httpx.AsyncClient) -> str:
    program = {"conversion_event_type": "redemption", "custom_event": None}
    shared = await share(admin, program)
    order = {
        "source_id": "order-2",
        "amount": 4000,
        "items": [{"product_id": NEEDLE, "amount": 4000}],
    } | ABOUT
    body = redemption_body(shared.code, JANE, order=order, tracking_id=f"{NEEDLE}-t", **ABOUT)
    used = (await made(admin.post("/v1/redemptions", json=body)))["redemptions"][0]
    back = {"reason": NEEDLE, "tracking_id": NEEDLE} | ABOUT
    await made(admin.post(f"/v1/redemptions/{used['id']}/rollback", json=back))
    return str(used["id"])


async def _texts(client: httpx.AsyncClient, world: World, letter: str) -> dict[str, str]:
    """Every answer to a GET of this role, by its path."""
    answers = {}
    for method, letters, template in ROWS:
        if method == "GET" and letter in letters:
            path = template.format_map(_Known(world))
            for accept in ("application/json", "text/csv"):
                answer = await client.get(path, headers={"Accept": accept})
                answers[f"{path} {accept}"] = answer.text
    return answers


class _Known(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return "x"


@pytest.mark.parametrize("letter", MASKED)
async def test_nothing_that_it_reads_names_anybody(
    app: FastAPI, database: Database, world: World, letter: str
) -> None:
    async with client_of(app, await headers_for(database, MASKED[letter])) as client:
        found = await _texts(client, world, letter)
    assert found
    assert [path for path, text in found.items() if NEEDLE in text.lower()] == []


async def test_others_see_it_so_there_was_something_to_mask(
    support: httpx.AsyncClient, world: World
) -> None:
    found = await _texts(support, world, "u")
    assert len([path for path, text in found.items() if NEEDLE in text.lower()]) > 12


FILTERS = [
    f"/v1/customers?email={NEEDLE}@example.com",
    f"/v1/customers?name={NEEDLE}",
    f"/v1/customers?city={NEEDLE}",
    f"/v1/referrals?email={NEEDLE}@example.com",
    f"/v1/referrals?q={NEEDLE}",
    f"/v1/referrals?referee_id={NEEDLE}-user",
    f"/v1/publications?customer={NEEDLE}-user",
    f"/v1/publications?source_id={NEEDLE}-pub",
    f"/v1/redemptions?customer={NEEDLE}-user",
    f"/v1/vouchers?customer={NEEDLE}-user",
]


@pytest.mark.parametrize("path", FILTERS)
async def test_no_filter_tells_what_is_masked(
    finance: httpx.AsyncClient, support: httpx.AsyncClient, world: World, path: str
) -> None:
    refused(await finance.get(path), 403, "forbidden")
    assert (await support.get(path)).status_code == 200


async def test_our_own_ids_are_still_taken(finance: httpx.AsyncClient, world: World) -> None:
    for path in ("/v1/publications?customer=", "/v1/referrals?referee_id="):
        assert (await made(finance.get(path + world["customer_id"])))["total"] >= 1


def _asked(**parameters: Any) -> dict[str, Any]:
    return {"exported_object": "customer", "parameters": {"fields": ["id"]} | parameters}


@pytest.mark.parametrize(
    "asked",
    [
        _asked(filters={"email": {"conditions": {"$starts_with": ["a"]}}}),
        _asked(filters={"metadata.nick": {"conditions": {"$is": ["a"]}}}),
        _asked(filters={"junction": "or", "name": {"conditions": {"$contains": ["a"]}}}),
        _asked(order="-email"),
        _asked(order="metadata.nick"),
    ],
)
async def test_no_export_of_theirs_filters_or_sorts_by_a_person(
    finance: httpx.AsyncClient, service: httpx.AsyncClient, asked: dict[str, Any]
) -> None:
    refused(await finance.post("/v1/exports", json=asked), 403, "forbidden")
    theirs = await made(service.post("/v1/exports", json=asked))
    seen = await made(finance.get(f"/v1/exports/{theirs['id']}"))
    assert seen["parameters"] == {}
    token = theirs["id"].partition("_")[2]
    refused(await finance.get(f"/v1/exports/{theirs['id']}?token={token}"), 403, "forbidden")
