"""Holders: the owner, those who share, and friends, whom adding attributes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import httpx
import pytest

from store.database import Database
from store.tables import Holder, Intake, Referral, Reversal
from tests.api.api_bodies import event_body, made, person, redemption_body, refused, share
from tests.builders import one, rows

Count = Callable[[], Awaitable[dict[str, int]]]


async def test_adding_attributes(service: httpx.AsyncClient, database: Database) -> None:
    shared = await share(service)
    friends = [person(), person(name="Bob")]
    body = {"holders": friends, "metadata": {"from": "fair"}}
    path = f"/v1/referrals/{shared.campaign_id}/members/{shared.code}/holders"
    added = (await made(service.post(path, json=body)))["holders"]
    assert [holder["holder_role"] for holder in added] == ["REFEREE", "REFEREE"]
    assert added[0]["metadata"] == {"from": "fair"}
    referrals = await rows(database, Referral)
    assert {referral.status for referral in referrals} == {"waiting"}
    assert [holder["customer_id"] for holder in added] == [
        (await made(service.get(f"/v1/customers/{friend['source_id']}")))["id"]
        for friend in friends
    ]
    assert len(await rows(database, Intake)) == 2
    # The same friends again are the same holders.
    assert (await made(service.post(path, json=body)))["holders"] == added
    assert len(await rows(database, Referral)) == 2
    await made(service.post("/v1/events", json=event_body(None, friends[0])))
    assert {referral.status for referral in await rows(database, Referral)} == {
        "waiting",
        "converted",
    }


async def test_list_and_one(service: httpx.AsyncClient, database: Database) -> None:
    shared, sharer = await share(service), person()
    await made(service.post("/v1/publications", json={"voucher": shared.code, "customer": sharer}))
    await made(service.post("/v1/redemptions", json=redemption_body(shared.code)))
    path = f"/v1/referrals/members/{shared.code}/holders"
    listed = await made(service.get(path))
    roles = [holder["holder_role"] for holder in listed["data"]]
    assert (listed["total"], roles) == (3, ["REFEREE", "REFERRER", "OWNER"])
    owner = await one(database, Holder, role="OWNER")
    assert listed["data"][2]["id"] == owner.id
    for holder in listed["data"]:
        assert await made(service.get(f"{path}/{holder['id']}")) == holder
        assert holder["campaign_id"] == shared.campaign_id
    first = await made(service.get(f"{path}?limit=1"))
    assert first["has_more"]
    rest = await made(service.get(f"{path}?starting_after_id={first['data'][0]['id']}"))
    assert first["data"] + rest["data"] == listed["data"]
    refused(await service.get(f"{path}/rh_none"), 404, "resource_not_found")
    other = f"/v1/referrals/camp_none/members/{shared.code}/holders"
    refused(await service.get(other), 404, "resource_not_found")


async def test_removing_a_waiting_friend(service: httpx.AsyncClient, database: Database) -> None:
    shared, friend = await share(service), person()
    path = f"/v1/referrals/{shared.campaign_id}/members/{shared.code}/holders"
    (holder,) = (await made(service.post(path, json={"holders": [friend]})))["holders"]
    response = await service.delete(f"{path}/{holder['id']}")
    assert (response.status_code, response.content) == (204, b"")
    roles = [one["holder_role"] for one in (await made(service.get(path)))["data"]]
    assert roles == ["OWNER"]
    assert (await one(database, Reversal)).referral_id == holder["referral_id"]
    refused(await service.delete(f"{path}/{holder['id']}"), 404, "resource_not_found")


async def test_only_a_waiting_friend_can_be_removed(
    service: httpx.AsyncClient, database: Database
) -> None:
    shared, friend = await share(service), person()
    await made(service.post("/v1/events", json=event_body(shared.code, friend)))
    path = f"/v1/referrals/members/{shared.code}/holders"
    for holder in (await made(service.get(path)))["data"]:
        response = await service.delete(f"{path}/{holder['id']}")
        refused(response, 409, "not_allowed_in_state")
    assert await rows(database, Reversal) == []


async def test_all_or_none(service: httpx.AsyncClient, count_rows: Count) -> None:
    shared = await share(service)
    path = f"/v1/referrals/members/{shared.code}/holders"
    before = await count_rows()
    response = await service.post(path, json={"holders": [person(), shared.referrer, person()]})
    refused(response, 400, "referrer_not_permitted_to_redeem", "/holders/1")
    assert await count_rows() == before


@pytest.mark.parametrize(
    ("body", "key", "pointer"),
    [
        ({"holders": []}, "invalid_payload", "/holders"),
        ({"holders": [{"source_id": "a"}] * 101}, "invalid_payload", "/holders"),
        ({"holders": [{"name": "N"}]}, "missing_customer", "/holders/0"),
        ({}, "invalid_payload", "/holders"),
    ],
)
async def test_a_malformed_request_is_refused(
    unchanged: httpx.AsyncClient, body: object, key: str, pointer: str
) -> None:
    response = await unchanged.post("/v1/referrals/members/X/holders", json=body)
    refused(response, 400, key, pointer)
