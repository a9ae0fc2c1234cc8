"""Refunds are shares of what was paid: rounding leaves nothing over, and prices before and after a
discount are never mixed."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from store.database import Database
from store.reversals.request import refunded_of
from store.tables import Referral, Reversal, Rollback
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


async def converted(client: httpx.AsyncClient, amount: int = 17925, **order: Any) -> str:
    """A referral that an event with this order converted; its id."""
    shared = await share(client)
    given = {"source_id": "order-77", "amount": amount} | order
    body = event_body(shared.code, person(), order=given)
    return str((await made(client.post("/v1/events", json=body)))["referral"]["id"])


async def refund(client: httpx.AsyncClient, referral_id: str, n: int, **change: Any) -> Any:
    body = {"reason": "Sent back", "metadata": {"refund_id": f"re_{n}"}} | change
    return await client.post(f"/v1/referrals/{referral_id}/reverse", json=body)


async def undone(database: Database, referral_id: str) -> tuple[int, bool]:
    """How much of the order is refunded, and whether that is all of it."""
    async with database.transaction() as tx:
        referral = await tx.session.get_one(Referral, referral_id)
        refunded = await refunded_of(tx, referral)
        return refunded.amount, refunded.whole


async def test_a_cent_more_than_was_paid_is_all_of_it(
    admin: httpx.AsyncClient, database: Database
) -> None:
    referral_id = await converted(admin)
    await made(refund(admin, referral_id, 1, amount=17926))
    assert await undone(database, referral_id) == (17925, True)


async def test_ten_rounded_parts_are_all_of_it(
    admin: httpx.AsyncClient, database: Database
) -> None:
    referral_id = await converted(admin)
    for n in range(10):
        await made(refund(admin, referral_id, n, amount=1793))
    assert await undone(database, referral_id) == (17925, True)
    refused(await refund(admin, referral_id, 11, amount=1), 409, "not_allowed_in_state")


async def test_more_than_a_hundredth_above_was_counted_in_another_unit(
    admin: httpx.AsyncClient, database: Database
) -> None:
    referral_id = await converted(admin, amount=10000, currency="usd")
    response = await refund(admin, referral_id, 1, amount=10101)
    refused(response, 400, "invalid_payload", "/amount")
    assert "100.00 USD was paid" in response.json()["detail"]
    assert await rows(database, Reversal) == []
    await made(refund(admin, referral_id, 1, amount=10100))
    assert await undone(database, referral_id) == (10000, True)


async def test_a_refund_is_in_the_order_s_currency(
    admin: httpx.AsyncClient, database: Database
) -> None:
    referral_id = await converted(admin, amount=10000, currency="EUR")
    response = await refund(admin, referral_id, 1, amount=5000, currency="USD")
    refused(response, 400, "invalid_payload", "/currency")
    await made(refund(admin, referral_id, 1, amount=5000, currency="EUR"))
    assert await undone(database, referral_id) == (5000, False)


async def test_all_that_was_paid_after_a_discount_undoes_all(
    admin: httpx.AsyncClient, database: Database
) -> None:
    shared = await share(admin, REDEMPTION)
    body = redemption_body(shared.code, order={"source_id": "o-1", "amount": 10000})
    redemption = (await made(admin.post("/v1/redemptions", json=body)))["redemptions"][0]
    referral_id = redemption["referral"]["id"]
    referral = await made(admin.get(f"/v1/referrals/{referral_id}"))
    assert (referral["order_amount"], referral["paid_amount"]) == (10000, 9000)
    gross = await refund(admin, referral_id, 1, amount=10000)
    refused(gross, 400, "invalid_payload", "/amount")
    mixed = await refund(admin, referral_id, 1, amount=9000, order_amount=10000)
    refused(mixed, 400, "invalid_payload", "/order_amount")
    await made(refund(admin, referral_id, 1, amount=9000))
    assert await undone(database, referral_id) == (9000, True)


@pytest.mark.parametrize(
    "event", [{"amount": 9000}, {"amount": 10000}, {"amount": 10000, "total_amount": 9000}], ids=str
)
async def test_half_of_a_redemption_is_half_of_its_referral_whichever_price_the_event_named(
    service: httpx.AsyncClient, database: Database, event: dict[str, Any]
) -> None:
    shared, friend = await share(service), person()
    order = {"source_id": "o-1", "amount": 10000}
    redeeming = service.post(
        "/v1/redemptions", json=redemption_body(shared.code, friend, order=order)
    )
    redemption = (await made(redeeming))["redemptions"][0]
    body = event_body(shared.code, friend, order={"source_id": "o-1"} | event)
    await made(service.post("/v1/events", json=body))
    path = f"/v1/redemptions/{redemption['id']}/rollback"
    assert (await made(service.post(path, json={"amount": 4500})))["amount"] == 4500
    assert await undone(database, redemption["referral"]["id"]) == (4500, False)


async def test_a_redemption_s_share_holds_where_the_event_came_to_another_sum(
    service: httpx.AsyncClient, database: Database
) -> None:
    """With shipping, say."""
    shared, friend = await share(service), person()
    order = {"source_id": "o-1", "amount": 10000}
    redeeming = service.post(
        "/v1/redemptions", json=redemption_body(shared.code, friend, order=order)
    )
    redemption = (await made(redeeming))["redemptions"][0]
    body = event_body(shared.code, friend, order={"source_id": "o-1", "amount": 9900})
    await made(service.post("/v1/events", json=body))
    path = f"/v1/redemptions/{redemption['id']}/rollback"
    await made(service.post(path, json={"amount": 4500}))
    assert await undone(database, redemption["referral"]["id"]) == (4950, False)


async def test_a_rollback_of_all_that_was_paid_gives_the_use_back(
    service: httpx.AsyncClient, database: Database
) -> None:
    shared = await share(service, REDEMPTION)
    body = redemption_body(shared.code, order={"source_id": "o-1", "amount": 10000})
    redemption = (await made(service.post("/v1/redemptions", json=body)))["redemptions"][0]
    path = f"/v1/redemptions/{redemption['id']}/rollback"
    refused(await service.post(path, json={"amount": 10000}), 400, "invalid_payload", "/amount")
    rollback = await made(service.post(path, json={"amount": 9001}))
    assert rollback["amount"] == 9000
    assert rollback["voucher"]["redemption"]["redeemed_quantity"] == 0
    assert (await one(database, Rollback)).whole
    assert (await one(database, Reversal)).refunded is None


async def test_an_order_without_an_amount_is_not_an_order_of_nothing(
    admin: httpx.AsyncClient, database: Database
) -> None:
    shared = await share(admin)
    body = event_body(shared.code, person(), order={"source_id": "order-77"})
    referral_id = (await made(admin.post("/v1/events", json=body)))["referral"]["id"]
    response = await refund(admin, referral_id, 1, amount=1000)
    refused(response, 400, "invalid_payload", "/order_amount")
    await made(refund(admin, referral_id, 1, amount=1000, order_amount=4000))
    assert await undone(database, referral_id) == (1000, False)
