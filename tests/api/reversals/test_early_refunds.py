"""Refunds that come before their purchase, over HTTP: kept, shown to finance, and cleared up."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from store.database import Database
from store.qualification.qualify import judge_again
from store.reversals.carry_out import carry_out
from store.tables import EarlyRefund, Grant, Redemption, Referral, Reversal
from tests.api.api_bodies import (
    REDEMPTION,
    event_body,
    made,
    person,
    redemption_body,
    refused,
    share,
)
from tests.builders import alter, one, rows

ORDER = {"source_id": "order-77", "amount": 4000}


def refund(amount: int | None = None, **changes: Any) -> dict[str, Any]:
    body = {"order_source_id": "order-77", "reason": "Sent back."} | changes
    return body if amount is None else body | {"amount": amount}


async def waits(client: httpx.AsyncClient, body: dict[str, Any]) -> None:
    answer = await made(client.post("/v1/reversals", json=body), 202)
    assert (answer["waiting_for_order"], answer["referrals"]) == (True, [])


async def settle(database: Database) -> None:
    """What the workflow does first."""
    for referral in await rows(database, Referral):
        await judge_again(database, referral.id, referral.workflow_id)
        async with database.transaction() as tx:
            await carry_out(tx, referral.id)


async def report(finance: httpx.AsyncClient) -> list[Any]:
    return list((await made(finance.get("/v1/reports/unmatched-refunds")))["data"])


async def test_the_purchase_is_told_that_it_earns_nothing(
    service: httpx.AsyncClient, database: Database
) -> None:
    shared = await share(service)
    await waits(service, refund())
    body = event_body(shared.code, order=ORDER, metadata={"event_id": "evt-1"})
    for _ in range(2):
        answer = await made(service.post("/v1/events", json=body))
        assert not answer["rewarded"]
        assert "undone" in answer["why_not"]
    await settle(database)
    assert (await one(database, Referral)).status == "rejected"
    assert await rows(database, Grant) == []
    known = await made(service.post("/v1/reversals", json=refund()))
    assert not known["waiting_for_order"]
    assert [one["status"] for one in known["referrals"]] == ["rejected"]


async def test_a_redemption_gives_its_discount_and_no_reward(
    service: httpx.AsyncClient, database: Database
) -> None:
    shared = await share(service, REDEMPTION)
    await waits(service, refund())
    body = redemption_body(shared.code, order=ORDER)
    await made(service.post("/v1/redemptions", json=body))
    assert (await one(database, Redemption)).discount_amount == 400
    assert (await one(database, Referral)).status == "rejected"
    assert await rows(database, Grant) == []


async def test_a_redemptions_part_is_a_share_of_what_the_discount_left(
    service: httpx.AsyncClient, database: Database
) -> None:
    shared = await share(service, REDEMPTION)
    await waits(service, refund(1800, metadata={"refund_id": "re_1"}))
    await made(service.post("/v1/redemptions", json=redemption_body(shared.code, order=ORDER)))
    assert [row.refunded for row in await rows(database, Reversal)] == [1800]
    assert (await one(database, Referral)).paid_amount == 3600


async def test_of_an_order_that_the_code_was_redeemed_for_it_waits_for_the_event(
    service: httpx.AsyncClient, database: Database
) -> None:
    """The redemption gave a discount; what converts is the event, which names no order itself."""
    shared, friend = await share(service), person()
    await made(
        service.post("/v1/redemptions", json=redemption_body(shared.code, friend, order=ORDER))
    )
    await waits(service, refund())
    answer = await made(service.post("/v1/events", json=event_body(None, friend)))
    assert not answer["rewarded"]


async def test_one_that_was_used_by_a_rejected_guest_waits_for_the_buyer(
    service: httpx.AsyncClient, database: Database
) -> None:
    shared = await share(service)
    own = {"customer": person(email=shared.referrer["email"]), "order": ORDER}
    await made(service.post("/v1/events", json=event_body(shared.code, **own)))
    await settle(database)
    assert (await one(database, Referral)).status == "rejected"
    await waits(service, refund())
    bought = await made(service.post("/v1/events", json=event_body(shared.code, order=ORDER)))
    assert not bought["rewarded"]


@pytest.mark.parametrize(
    ("change", "status", "key", "pointer"),
    [
        ({"amount": 900}, 400, "invalid_payload", "/metadata/refund_id"),
        ({"campaign_id": "camp_none"}, 404, "resource_not_found", "/campaign_id"),
        (
            {"amount": 900, "order_amount": 90, "metadata": {"refund_id": "re_1"}},
            400,
            "invalid_payload",
            "/amount",
        ),
    ],
)
async def test_an_early_refund_that_no_purchase_can_match_is_refused(
    service: httpx.AsyncClient,
    database: Database,
    change: dict[str, Any],
    status: int,
    key: str,
    pointer: str,
) -> None:
    refused(await service.post("/v1/reversals", json=refund() | change), status, key, pointer)
    assert await rows(database, EarlyRefund) == []


async def test_other_content_under_the_same_id_is_refused(service: httpx.AsyncClient) -> None:
    named = {"metadata": {"refund_id": "re_1"}, "currency": "USD"}
    for _ in range(2):
        await waits(service, refund(900, **named))
    for other in (refund(1800, **named), refund(900, **named | {"currency": "EUR"})):
        refused(await service.post("/v1/reversals", json=other), 409, "identity_reused")


async def test_after_90_days_it_is_on_finances_list(
    service: httpx.AsyncClient, finance: httpx.AsyncClient, database: Database
) -> None:
    shared = await share(service)
    await waits(service, refund(900, metadata={"refund_id": "re_1"}, currency="USD"))
    await waits(service, {"order_id": 12, "reason": "Sent back."})
    assert await report(finance) == []
    for kept in await rows(database, EarlyRefund):
        await alter(database, kept, created_at=kept.created_at - timedelta(days=91))
    shop, other = sorted(await report(finance), key=lambda row: str(row["order_id"]), reverse=True)
    assert (shop["order_source_id"], shop["order_id"]) == ("order-77", None)
    assert (shop["refund_id"], shop["amount"], shop["currency"]) == ("re_1", 900, "USD")
    assert "mistyped" in shop["why"]
    assert (other["order_id"], other["amount"]) == ("12", None)
    # However late, its purchase takes it off the list.
    await made(service.post("/v1/events", json=event_body(shared.code, order=ORDER)))
    assert [row["order_id"] for row in await report(finance)] == ["12"]
    refused(await service.get("/v1/reports/unmatched-refunds"), 403, "forbidden")


async def test_a_person_clears_up_what_is_unclear(
    service: httpx.AsyncClient,
    support: httpx.AsyncClient,
    finance: httpx.AsyncClient,
    database: Database,
) -> None:
    for decision, end in (("approve", "fulfilling"), ("deny", "rejected")):
        shared, order = await share(service), ORDER | {"currency": "USD"}
        order["source_id"] = f"order-{decision}"
        named = {"metadata": {"refund_id": "re_1"}, "order_source_id": order["source_id"]}
        await waits(service, refund(4200, **named))
        answer = await made(service.post("/v1/events", json=event_body(shared.code, order=order)))
        path = f"/v1/referrals/{answer['referral']['id']}"
        parked = await made(support.get(path))
        assert (parked["status"], parked["reason"]) == ("needs_attention", "refund_unclear")
        assert [one["action"] for one in parked["actions"]] == ["approve", "deny"]
        (row,) = await report(finance)
        assert row["referral_id"] == parked["id"]
        assert "too much" in row["why"]
        told = await made(support.get(f"{path}/timeline"))
        assert "40.00" in str(told["data"][-1]["detail"])
        await made(support.post(f"{path}/{decision}", json={"reason": "I asked the shop."}))
        await settle(database)
        assert (await made(support.get(path)))["status"] == end
        assert await report(finance) == []


async def test_erasing_the_buyer_leaves_neither_the_orders_id_nor_the_refunds(
    service: httpx.AsyncClient, database: Database
) -> None:
    shared, friend = await share(service), person()
    await waits(service, refund(metadata={"refund_id": "re_1"}))
    await made(service.post("/v1/events", json=event_body(shared.code, friend, order=ORDER)))
    await settle(database)
    assert (await service.delete(f"/v1/customers/{friend['source_id']}")).status_code == 204
    (kept,) = await rows(database, EarlyRefund)
    assert kept.order_key.startswith("source_id:erased:")
    assert (kept.identity or "").startswith("erased:")
