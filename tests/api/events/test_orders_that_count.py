"""Which orders convert: not a cancelled one, nor one of 0 unless the terms say so."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from domain.campaigns import CampaignTerms, FreeOrders
from store.database import Database
from store.tables import Event, Referral
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

COUNTED = {"free_orders": "count"}


@pytest.mark.parametrize(
    "order", [{"status": "CANCELED", "amount": 4000}, {"amount": 0}, {"items": [{"price": 0}]}]
)
async def test_an_event_with_a_code_is_refused_and_leaves_nobody_referred(
    service: httpx.AsyncClient, database: Database, order: dict[str, Any]
) -> None:
    shared = await share(service)
    response = await service.post("/v1/events", json=event_body(shared.code, order=order))
    refused(response, 400, "order_rules_violated")
    assert await rows(database, Referral) == []


@pytest.mark.parametrize("order", [{"status": "CANCELED", "amount": 4000}, {"amount": 0}])
async def test_a_waiting_friend_goes_on_waiting(
    service: httpx.AsyncClient, database: Database, order: dict[str, Any]
) -> None:
    shared, friend = await share(service), person()
    signup = {"code": shared.code, "customer": friend}
    await made(service.post("/v1/referrals", json=signup), 201)
    body = event_body(None, friend, order=order | {"source_id": "o-1"})
    answer = await made(service.post("/v1/events", json=body))
    assert answer["referral"]["status"] == "waiting"
    referral = await one(database, Referral)
    assert [one["check"] for one in referral.verdicts if not one["passed"]] == ["order"]
    assert len(await rows(database, Event, type="referral.not_converted")) == 1
    paid = body | {"order": {"source_id": "o-1", "amount": 4000, "status": "PAID"}}
    assert (await made(service.post("/v1/events", json=paid)))["referral"]["status"] == "converted"


@pytest.mark.parametrize(
    "order", [{"status": "CANCELED", "amount": 4000}, {"amount": 0}], ids=["canceled", "zero"]
)
async def test_a_redemption_that_converts_is_refused(
    service: httpx.AsyncClient, database: Database, order: dict[str, Any]
) -> None:
    shared = await share(service, REDEMPTION)
    body = redemption_body(shared.code, order=order)
    refused(await service.post("/v1/redemptions", json=body), 400, "order_rules_violated")
    checked = await made(service.post("/v1/validations", json=body))
    assert not checked["valid"]
    assert await rows(database, Referral) == []


@pytest.mark.parametrize("status", ["CREATED", "PAID", "FULFILLED", None])
async def test_every_other_status_converts(service: httpx.AsyncClient, status: str | None) -> None:
    shared = await share(service, REDEMPTION)
    body = redemption_body(shared.code, order={"amount": 4000, "status": status})
    redemption = (await made(service.post("/v1/redemptions", json=body)))["redemptions"][0]
    assert redemption["referral"]["status"] == "fulfilling"


@pytest.mark.parametrize("order", [None, {"source_id": "o-1"}], ids=["none", "without amount"])
async def test_no_order_or_one_without_an_amount_is_not_an_order_of_0(
    service: httpx.AsyncClient, order: dict[str, Any] | None
) -> None:
    shared = await share(service)
    body = event_body(shared.code, order=order)
    assert (await made(service.post("/v1/events", json=body)))["referral"]["status"] == "converted"


async def test_the_terms_may_count_orders_of_0(service: httpx.AsyncClient) -> None:
    shared = await share(service, COUNTED)
    campaign = await made(service.get(f"/v1/campaigns/{shared.campaign_id}"))
    assert campaign["referral_program"]["free_orders"] == "count"
    body = event_body(shared.code, order={"amount": 0})
    assert (await made(service.post("/v1/events", json=body)))["referral"]["status"] == "converted"


async def test_an_edit_leaves_them_as_they_were(service: httpx.AsyncClient) -> None:
    shared = await share(service, COUNTED)
    path = f"/v1/campaigns/{shared.campaign_id}"
    await made(service.put(path, json={"referral_program": {"hold": "P1D"}}))
    assert (await made(service.get(path)))["referral_program"]["free_orders"] == "count"
    other = await share(service)
    path = f"/v1/campaigns/{other.campaign_id}"
    await made(service.put(path, json={"referral_program": {"free_orders": "count"}}))
    assert (await made(service.get(path)))["referral_program"]["free_orders"] == "count"


def test_terms_from_before_count_them_as_they_did() -> None:
    before = {"conversion": "redemption"}
    assert CampaignTerms.model_validate(before).free_orders is FreeOrders.COUNT
