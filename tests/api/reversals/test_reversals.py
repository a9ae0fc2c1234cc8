"""Reversals over HTTP: accepted at once, once for each refund, by referral and by order."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from store.database import Database
from store.tables import Event, Intake, Referral, Reversal
from tests.api.api_bodies import event_body, made, person, redemption_body, refused, share
from tests.builders import rows

SENT_BACK = {"reason": "The order was sent back."}
BY_REDEMPTION: dict[str, Any] = {"conversion_event_type": "redemption", "custom_event": None}


async def converted(admin: httpx.AsyncClient, order: str = "order-77") -> str:
    """A referral that an order of 40.00 converted; its id."""
    shared = await share(admin, BY_REDEMPTION)
    body = redemption_body(shared.code, person(), order={"source_id": order, "amount": 4000})
    await made(admin.post("/v1/redemptions", json=body))
    found = await made(admin.get(f"/v1/referrals?order_source_id={order}"))
    return str(found["data"][0]["id"])


def refund_body(order: str, amount: int) -> dict[str, Any]:
    """A part of an order is refunded."""
    named = {"metadata": {"refund_id": "re_1"}}
    return SENT_BACK | named | {"order_source_id": order, "amount": amount}


async def unsent(database: Database) -> list[str]:
    """Messages that are written down for the workflow, with their reversals' ids."""
    return [intake.id for intake in await rows(database, Intake) if intake.reversal_id]


class TestByReferral:
    async def test_is_accepted_and_written_down(
        self, admin: httpx.AsyncClient, support: httpx.AsyncClient, database: Database
    ) -> None:
        referral_id = await converted(admin)
        body = SENT_BACK | {"amount": 1000, "metadata": {"refund_id": "re_1"}}
        answer = await made(support.post(f"/v1/referrals/{referral_id}/reverse", json=body))
        assert (answer["id"], answer["order_amount"]) == (referral_id, 4000)
        (reversal,) = await rows(database, Reversal)
        assert (reversal.refunded, await unsent(database)) == (1000, [reversal.id])
        (told,) = await rows(database, Event, type="referral.reversal_asked")
        assert (told.source, told.detail) == ("staff", None)
        timeline = await made(support.get(f"/v1/referrals/{referral_id}/timeline"))
        assert SENT_BACK["reason"] in [one["detail"] for one in timeline["data"]]

    async def test_the_same_refund_again_has_no_further_effect(
        self, admin: httpx.AsyncClient, database: Database
    ) -> None:
        referral_id = await converted(admin)
        body = SENT_BACK | {"amount": 1000, "metadata": {"refund_id": "re_1"}}
        for _ in range(3):
            await made(admin.post(f"/v1/referrals/{referral_id}/reverse", json=body))
        again = {"Idempotency-Key": "a"}
        without = SENT_BACK | {"amount": 500}
        for _ in range(2):
            path = f"/v1/referrals/{referral_id}/reverse"
            await made(admin.post(path, json=without, headers=again))
        assert sorted(row.refunded or 0 for row in await rows(database, Reversal)) == [500, 1000]

    @pytest.mark.parametrize(
        ("change", "pointer"),
        [
            ({"amount": 0}, "/amount"),
            ({"amount": "10"}, "/amount"),
            ({"amount": 4001}, "/amount"),
            ({"amount": 10, "order_amount": 5000}, "/order_amount"),
            ({"reason": ""}, "/reason"),
            ({"reason": None}, "/reason"),
            ({"metadata": {"refund_id": "r" * 256}}, "/metadata/refund_id"),
            ({"refunded": 10}, "/refunded"),
        ],
        ids=str,
    )
    async def test_malformed_leaves_nothing_behind(
        self,
        admin: httpx.AsyncClient,
        count_rows: Callable[[], Awaitable[dict[str, int]]],
        change: dict[str, Any],
        pointer: str,
    ) -> None:
        path = f"/v1/referrals/{await converted(admin)}/reverse"
        before = await count_rows()
        body = SENT_BACK | {"metadata": {"refund_id": "re_1"}} | change
        refused(await admin.post(path, json=body), 400, "invalid_payload", pointer)
        assert await count_rows() == before

    async def test_an_unknown_id_is_not_found(self, support: httpx.AsyncClient) -> None:
        response = await support.post("/v1/referrals/ref_none/reverse", json=SENT_BACK)
        refused(response, 404, "resource_not_found")

    async def test_is_not_for_a_service(
        self, admin: httpx.AsyncClient, service: httpx.AsyncClient
    ) -> None:
        path = f"/v1/referrals/{await converted(admin)}/reverse"
        refused(await service.post(path, json=SENT_BACK), 403, "forbidden")


class TestByOrder:
    async def test_reverses_whatever_the_order_had_converted(
        self, admin: httpx.AsyncClient, service: httpx.AsyncClient, database: Database
    ) -> None:
        referral_id = await converted(admin)
        body = SENT_BACK | {"order_source_id": "order-77"}
        answer = await made(service.post("/v1/reversals", json=body))
        assert [one["id"] for one in answer["referrals"]] == [referral_id]
        assert answer["order_source_id"] == "order-77"
        assert len(await unsent(database)) == 1

    async def test_one_that_comes_before_its_purchase_waits_for_it(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        shared = await share(service)
        body = SENT_BACK | {"order_source_id": "order-none"}
        for _ in range(2):
            answer = await made(service.post("/v1/reversals", json=body), 202)
            assert (answer["waiting_for_order"], answer["referrals"]) == (True, [])
        event = event_body(shared.code, order={"source_id": "order-none", "amount": 4000})
        converted = await made(service.post("/v1/events", json=event))
        (reversal,) = await rows(database, Reversal)
        assert reversal.referral_id == converted["referral"]["id"]
        assert len(await unsent(database)) == 1

    async def test_a_part_that_comes_early_is_a_share_of_the_redemption(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        shared = await share(service, BY_REDEMPTION)
        part = {"amount": 900, "metadata": {"refund_id": "re_1"}}
        body = SENT_BACK | {"order_source_id": "order-none"} | part
        await made(service.post("/v1/reversals", json=body), 202)
        order = {"source_id": "order-none", "amount": 4000}
        await made(service.post("/v1/redemptions", json=redemption_body(shared.code, order=order)))
        assert [row.refunded for row in await rows(database, Reversal)] == [900]

    async def test_all_of_it_or_nothing(
        self, admin: httpx.AsyncClient, service: httpx.AsyncClient, database: Database
    ) -> None:
        """An order that converted two referrals, for one of which the share is too much."""
        await converted(admin)
        second = await converted(admin, "order-78")
        async with database.transaction() as tx:
            referral = await tx.session.get_one(Referral, second)
            referral.order_ids = ["source_id:order-77"]
            referral.order_source_id, referral.paid_amount = "order-77", 100
        body = refund_body("order-77", 2000) | {"all_campaigns": True}
        refused(await service.post("/v1/reversals", json=body), 400, "invalid_payload", "/amount")
        assert await rows(database, Reversal) == []
