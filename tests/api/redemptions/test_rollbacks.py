"""Rollbacks: once, whole or in part, with the use given back and the referral reversed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from store.database import Database
from store.tables import Event, Referral, Reversal, Rollback, Voucher
from tests.api.api_bodies import (
    REDEMPTION,
    event_body,
    made,
    person,
    redemption_body,
    refused,
    share,
)
from tests.builders import one, rows

Count = Callable[[], Awaitable[dict[str, int]]]


async def _redeemed(client: httpx.AsyncClient, code: str, **changes: Any) -> Any:
    body = redemption_body(code) | changes
    return (await made(client.post("/v1/redemptions", json=body)))["redemptions"][0]


async def test_a_whole_rollback_gives_the_use_back(
    service: httpx.AsyncClient, database: Database
) -> None:
    shared, friend = await share(service, REDEMPTION), person()
    redemption = await _redeemed(service, shared.code, customer=friend)
    path = f"/v1/redemptions/{redemption['id']}"
    rollback = await made(service.post(f"{path}/rollback?reason=Returned&tracking_id=t1"))
    assert rollback["id"].startswith("rr_")
    assert (rollback["object"], rollback["result"]) == ("redemption_rollback", "SUCCESS")
    assert (rollback["redemption"], rollback["amount"]) == (redemption["id"], 3600)
    assert (rollback["reason"], rollback["tracking_id"]) == ("Returned", "t1")
    assert rollback["voucher"]["redemption"]["redeemed_quantity"] == 0
    assert await made(service.get(f"/v1/redemptions/{rollback['id']}")) == rollback
    undone = await made(service.get(path))
    assert (undone["result"], undone["status"]) == ("SUCCESS", "ROLLED_BACK")
    (related,) = undone["related_redemptions"]["rollbacks"]
    assert related == {"id": rollback["id"], "date": rollback["date"], "amount": 3600}
    reversal = await one(database, Reversal)
    assert (reversal.referral_id, reversal.refunded) == (redemption["referral"]["id"], None)
    # The friend may use the code again; the pair has converted, for ever.
    again = await _redeemed(service, shared.code, customer=friend)
    assert again["referral"]["id"] == redemption["referral"]["id"]
    assert (await one(database, Voucher)).redeemed_quantity == 1
    assert len(await rows(database, Referral)) == 1
    assert len(await rows(database, Event, type="referral.converted")) == 1


async def test_a_partial_rollback_reverses_a_share(
    service: httpx.AsyncClient, database: Database, count_rows: Count
) -> None:
    shared = await share(service, REDEMPTION)
    redemption = await _redeemed(service, shared.code)
    path = f"/v1/redemptions/{redemption['id']}"
    before = await count_rows()
    too_much = await service.post(f"{path}/rollback", json={"amount": 4001})
    refused(too_much, 400, "invalid_payload", "/amount")
    assert await count_rows() == before
    answer = await made(service.post(f"{path}/rollbacks", json={"amount": 1000, "reason": "Worn"}))
    (rollback,) = answer["rollbacks"]
    assert (rollback["amount"], answer["parent_rollback"]) == (1000, None)
    # What is kept of the order was bought with the code: the use stays.
    assert rollback["voucher"]["redemption"]["redeemed_quantity"] == 1
    assert (await made(service.get(path)))["status"] == "SUCCEEDED"
    reversal = await one(database, Reversal)
    assert reversal.refunded == 1000
    assert (await one(database, Referral)).order_amount == 4000
    refused(await service.post(f"{path}/rollback"), 400, "already_rolled_back")
    # Nor does a rollback of a part make its repeat another use.
    order = {"source_id": redemption["order"]["source_id"], "amount": 4000}
    customer = {"id": redemption["customer_id"]}
    again = await _redeemed(service, shared.code, customer=customer, order=order)
    assert (again["id"], again["status"]) == (redemption["id"], "SUCCEEDED")


@pytest.mark.parametrize(
    "identity", [{"order": {"id": "o-9", "amount": 4000}}, {"tracking_id": "t"}]
)
async def test_a_repeat_of_what_was_rolled_back_is_refused(
    service: httpx.AsyncClient, database: Database, identity: dict[str, Any]
) -> None:
    shared = await share(service, REDEMPTION)
    body = {name: value for name, value in redemption_body(shared.code).items() if name != "order"}
    body |= identity
    key = {"Idempotency-Key": "first"}
    first = await made(service.post("/v1/redemptions", json=body, headers=key))
    assert (await made(service.post("/v1/redemptions", json=body)))["redemptions"][0]["id"] == (
        first["redemptions"][0]["id"]
    )
    await made(service.post(f"/v1/redemptions/{first['redemptions'][0]['id']}/rollback"))
    again = await service.post("/v1/redemptions", json=body)
    refused(again, 400, "already_rolled_back")
    assert "new order id" in again.json()["detail"]
    failure = await made(service.get(f"/v1/redemptions/{again.json()['resource_id']}"))
    assert (failure["result"], failure["failure_code"]) == ("FAILURE", "already_rolled_back")
    assert failure["order"]["total_discount_amount"] == 0
    checked = await made(service.post("/v1/validations", json=body))
    assert not checked["valid"]
    assert checked["redeemables"][0]["result"]["error"]["key"] == "already_rolled_back"
    # A network retry is no new question: it gets the answer it missed.
    replayed = await service.post("/v1/redemptions", json=body, headers=key)
    assert (replayed.status_code, replayed.json()) == (200, first)
    assert (await one(database, Voucher)).redeemed_quantity == 0


async def test_concurrent_rollbacks_are_one(service: httpx.AsyncClient, database: Database) -> None:
    shared = await share(service, REDEMPTION)
    redemption = await _redeemed(service, shared.code)
    path = f"/v1/redemptions/{redemption['id']}/rollback"
    responses = await asyncio.gather(*(service.post(path) for _ in range(8)))
    assert sorted(response.status_code for response in responses) == [200] + [400] * 7
    for response in responses:
        if response.status_code == 400:
            refused(response, 400, "already_rolled_back")
    assert len(await rows(database, Rollback)) == len(await rows(database, Reversal)) == 1
    assert (await one(database, Voucher)).redeemed_quantity == 0


async def test_a_discount_besides_the_conversion_reverses_nothing(
    service: httpx.AsyncClient, database: Database
) -> None:
    shared, friend = await share(service), person()
    redemption = await _redeemed(service, shared.code, customer=friend)
    event = event_body(shared.code, friend, metadata={"order_source_id": "another order"})
    await made(service.post("/v1/events", json=event))
    await made(service.post(f"/v1/redemptions/{redemption['id']}/rollback"))
    assert (await one(database, Referral)).status == "converted"
    assert await rows(database, Reversal) == []


async def test_the_converting_order_of_an_event_reverses(
    service: httpx.AsyncClient, database: Database
) -> None:
    shared, friend = await share(service), person()
    order = {"source_id": "o-77", "amount": 4000}
    redemption = await _redeemed(service, shared.code, customer=friend, order=order)
    event = event_body(shared.code, friend, metadata={"order_source_id": "o-77"})
    await made(service.post("/v1/events", json=event))
    await made(service.post(f"/v1/redemptions/{redemption['id']}/rollback"))
    assert (await one(database, Reversal)).referral_id == redemption["referral"]["id"]


async def test_names_nobody_once_its_person_is_erased(
    service: httpx.AsyncClient, admin: httpx.AsyncClient, database: Database
) -> None:
    shared, friend = await share(service), person(name="Bob")
    redemption = await _redeemed(service, shared.code, customer=friend, tracking_id="bob-1")
    body = {"reason": "Bob sent it back", "tracking_id": "bob-2", "metadata": {"by": "Bob"}}
    await made(service.post(f"/v1/redemptions/{redemption['id']}/rollback", json=body))
    await made(admin.post(f"/v1/customers/{friend['source_id']}/permanent-deletion"))
    rollback = await one(database, Rollback)
    assert (rollback.reason, rollback.tracking_id, rollback.attributes) == (None, None, {})
    assert rollback.amount == 3600


async def test_refusals(service: httpx.AsyncClient, finance: httpx.AsyncClient) -> None:
    shared = await share(service)
    for path in ("r_none/rollback", "rr_none/rollbacks"):
        refused(await service.post(f"/v1/redemptions/{path}"), 404, "resource_not_found")
    refused(await service.get("/v1/redemptions/rr_none"), 404, "resource_not_found")
    own = redemption_body(shared.code, shared.referrer)
    failure = (await service.post("/v1/redemptions", json=own)).json()["resource_id"]
    response = await service.post(f"/v1/redemptions/{failure}/rollback")
    refused(response, 409, "not_allowed_in_state")
    response = await service.post(f"/v1/redemptions/{failure}/rollback", json={"amount": 0})
    refused(response, 400, "invalid_payload", "/amount")
    refused(await finance.post(f"/v1/redemptions/{failure}/rollback"), 403, "forbidden")
