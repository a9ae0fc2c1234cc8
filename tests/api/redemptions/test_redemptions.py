"""Redemptions: the discount, the counts, and what they mean for the referral."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from sqlalchemy import delete

from store.database import Database
from store.tables import IdempotentAnswer, Intake, Redemption, Referral, Voucher
from tests.api.api_bodies import REDEMPTION, made, person, redemption_body, refused, share
from tests.builders import one, rows

Count = Callable[[], Awaitable[dict[str, int]]]
AMOUNT_OFF = {"discount": {"type": "AMOUNT", "amount_off": 700}}


def _percent(off: float, **changes: Any) -> dict[str, Any]:
    return {"discount": {"type": "PERCENT", "percent_off": off} | changes}


async def _redeem(client: httpx.AsyncClient, body: Any, **headers: str) -> Any:
    return await made(client.post("/v1/redemptions", json=body, headers=headers))


def _with_failures(before: dict[str, int], failures: int) -> dict[str, int]:
    """A refused use leaves its own row and the event that tells of it; nothing else."""
    return before | {table: before[table] + failures for table in ("redemptions", "events")}


class TestRedeem:
    async def test_shape(self, service: httpx.AsyncClient) -> None:
        shared = await share(service)
        order = {"source_id": "o1", "amount": 4000, "status": "PAID", "metadata": {"shop": "x"}}
        friend = person(name="Bob")
        body = redemption_body(
            shared.code, friend, order=order, tracking_id="t1", metadata={"a": 1}
        )
        answer = await _redeem(service, body)
        (redemption,) = answer["redemptions"]
        assert redemption["id"].startswith("r_")
        assert (redemption["result"], redemption["status"]) == ("SUCCESS", "SUCCEEDED")
        assert (redemption["tracking_id"], redemption["metadata"]) == ("t1", {"a": 1})
        assert redemption["customer"]["name"] == "Bob"
        assert redemption["voucher"]["code"] == shared.code
        assert redemption["voucher"]["redemption"]["redeemed_quantity"] == 1
        assert redemption["referral"]["campaign_id"] == shared.campaign_id
        assert answer["order"] == redemption["order"]
        assert answer["order"]["total_discount_amount"] == 400
        assert answer["order"]["total_amount"] == 3600
        assert answer["order"]["metadata"] == {"shop": "x"}
        assert (answer["inapplicable_redeemables"], answer["skipped_redeemables"]) == ([], [])
        assert await made(service.get(f"/v1/redemptions/{redemption['id']}")) == redemption

    async def test_waits_in_a_custom_event_campaign(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        shared = await share(service)
        answer = await _redeem(service, redemption_body(shared.code))
        assert answer["redemptions"][0]["referral"]["status"] == "waiting"
        assert (await one(database, Intake)).conversion is None

    async def test_converts_in_a_redemption_campaign(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        shared = await share(service, REDEMPTION)
        body = redemption_body(shared.code, order={"source_id": "o1", "amount": 4000})
        answer = await _redeem(service, body)
        assert answer["redemptions"][0]["referral"]["status"] == "fulfilling"
        referral = await one(database, Referral)
        assert (referral.order_source_id, referral.status) == ("o1", "fulfilling")
        assert (await one(database, Intake)).conversion is not None

    async def test_after_sign_up(self, service: httpx.AsyncClient, database: Database) -> None:
        shared = await share(service, REDEMPTION)
        friend = person()
        sent = {"code": shared.code, "customer": friend}
        waiting = await made(service.post("/v1/referrals", json=sent), 201)
        answer = await _redeem(service, redemption_body(shared.code, friend))
        assert answer["redemptions"][0]["referral"]["id"] == waiting["id"]
        assert (await one(database, Referral)).status == "fulfilling"

    @pytest.mark.parametrize(
        ("voucher", "order", "discount"),
        [
            (AMOUNT_OFF, {"source_id": "o", "amount": 4000}, 700),
            (AMOUNT_OFF, {"source_id": "o", "amount": 500}, 500),
            (_percent(12.5), {"amount": 1004}, 126),
            (_percent(50, amount_limit=99), {"amount": 1000}, 99),
            ({}, {"amount": 1000}, 0),
            (AMOUNT_OFF, None, 0),
            (AMOUNT_OFF, {"items": [{"price": 300, "quantity": 3}, {"amount": 50}]}, 700),
            (
                {"discount": {"type": "PERCENT", "percent_off": 10}},
                {"items": [{"price": 300, "quantity": 3}]},
                90,
            ),
        ],
    )
    async def test_discount(
        self,
        service: httpx.AsyncClient,
        voucher: dict[str, Any],
        order: dict[str, Any] | None,
        discount: int,
    ) -> None:
        shared = await share(service, voucher=voucher)
        answer = await _redeem(service, redemption_body(shared.code, order=order))
        assert answer["order"]["discount_amount"] == discount
        assert answer["order"]["total_amount"] == answer["order"]["amount"] - discount


class TestRepeats:
    @pytest.mark.parametrize(
        "changes",
        [
            {},
            {"order": {"id": "ord-1", "amount": 100}},
            {"order": None, "tracking_id": "t1"},
        ],
    )
    async def test_concurrent_repeats_are_one_redemption(
        self, service: httpx.AsyncClient, database: Database, changes: dict[str, Any]
    ) -> None:
        shared = await share(service, REDEMPTION)
        body = redemption_body(shared.code) | changes
        answers = await asyncio.gather(*(_redeem(service, body) for _ in range(10)))
        assert len({answer["redemptions"][0]["id"] for answer in answers}) == 1
        assert len(await rows(database, Redemption)) == 1
        assert (await one(database, Voucher)).redeemed_quantity == 1
        assert len(await rows(database, Intake)) == 1

    async def test_by_idempotency_key_after_its_answer_is_gone(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        shared = await share(service)
        body = redemption_body(shared.code, order={"amount": 100})
        first = await _redeem(service, body, **{"Idempotency-Key": "k1"})
        async with database.transaction() as tx:
            await tx.session.execute(delete(IdempotentAnswer))
        second = await _redeem(service, body, **{"Idempotency-Key": "k1"})
        assert second["redemptions"][0]["id"] == first["redemptions"][0]["id"]


class TestLimits:
    async def test_once_per_customer(self, service: httpx.AsyncClient, count_rows: Count) -> None:
        shared, friend = await share(service), person()
        await _redeem(service, redemption_body(shared.code, friend))
        before = await count_rows()
        response = await service.post("/v1/redemptions", json=redemption_body(shared.code, friend))
        refused(response, 400, "redemption_rules_violated")
        assert await count_rows() == _with_failures(before, 1)

    async def test_never_overshot(self, service: httpx.AsyncClient, database: Database) -> None:
        program = {"limits": {"redemptions_per_customer": 3}}
        shared, friend = await share(service, program), person()
        responses = await asyncio.gather(
            *(
                service.post("/v1/redemptions", json=redemption_body(shared.code, friend))
                for _ in range(10)
            )
        )
        assert sorted(response.status_code for response in responses) == [200] * 3 + [400] * 7
        assert len(await rows(database, Redemption, counts=True)) == 3
        assert len(await rows(database, Redemption, counts=False)) == 7
        assert (await one(database, Voucher)).redeemed_quantity == 3

    async def test_codes_quantity(self, service: httpx.AsyncClient, database: Database) -> None:
        shared = await share(service, voucher={"redemption": {"quantity": 2}})
        responses = await asyncio.gather(
            *(service.post("/v1/redemptions", json=redemption_body(shared.code)) for _ in range(5))
        )
        assert sorted(response.status_code for response in responses) == [200] * 2 + [400] * 3
        for response in responses:
            if response.status_code == 400:
                refused(response, 400, "quantity_exceeded")
        assert (await one(database, Voucher)).redeemed_quantity == 2
        assert len(await rows(database, Referral)) == 2


class TestRefusals:
    async def test_a_refusal_leaves_only_its_own_record(
        self, service: httpx.AsyncClient, count_rows: Count
    ) -> None:
        shared, friend = await share(service), person()
        await _redeem(service, redemption_body(shared.code, friend))
        publication = {"campaign": {"name": shared.campaign}, "customer": person()}
        second = await made(service.post("/v1/publications", json=publication))
        before = await count_rows()
        reasons = (
            (redemption_body("NONE"), 404, "resource_not_found"),
            (
                redemption_body(shared.code, shared.referrer),
                400,
                "referrer_not_permitted_to_redeem",
            ),
            (redemption_body(second["voucher"]["code"], friend), 400, "already_referred"),
        )
        for failures, (body, status, key) in enumerate(reasons, 1):
            refused(await service.post("/v1/redemptions", json=body), status, key)
            assert await count_rows() == _with_failures(before, failures)

    @pytest.mark.parametrize(
        ("changes", "key", "pointer"),
        [
            ({"customer": None}, "missing_customer", "/customer"),
            ({"customer": {"name": "N"}}, "missing_customer", "/customer"),
            ({"redeemables": None}, "invalid_payload", "/redeemables"),
            ({"redeemables": []}, "invalid_payload", "/redeemables"),
            ({"redeemables": [{"id": "A"}, {"id": "B"}]}, "invalid_payload", "/redeemables"),
            (
                {"redeemables": [{"object": "promotion_tier", "id": "A"}]},
                "invalid_payload",
                "/redeemables/0/object",
            ),
            (
                {"redeemables": [{"id": "A", "gift": {"credits": 5}}]},
                "invalid_payload",
                "/redeemables/0/gift",
            ),
            ({"order": {"amount": -1}}, "invalid_payload", "/order/amount"),
            ({"order": {"amount": 10.5}}, "invalid_payload", "/order/amount"),
            ({"order": {"amount": "10"}}, "invalid_payload", "/order/amount"),
            ({"order": {"amount": 10**18}}, "invalid_payload", "/order/amount"),
            ({"order": {"amount": 1, "status": "LOST"}}, "invalid_payload", "/order/status"),
            ({"order": {"items": [{"price": -5}]}}, "invalid_payload", "/order/items/0/price"),
            ({"order": {"items": [{}] * 501}}, "invalid_payload", "/order/items"),
            (
                {"order": {"items": [{"price": 10**15, "quantity": 10**6}]}},
                "invalid_payload",
                "/order/items",
            ),
            ({"session": {"type": "LOCK"}}, "invalid_payload", "/session"),
        ],
    )
    async def test_a_malformed_request_is_refused(
        self,
        unchanged: httpx.AsyncClient,
        changes: dict[str, Any],
        key: str,
        pointer: str,
    ) -> None:
        response = await unchanged.post("/v1/redemptions", json=redemption_body("CODE") | changes)
        refused(response, 400, key, pointer)


class TestRead:
    async def test_all_are_listed(self, service: httpx.AsyncClient) -> None:
        shared, other = await share(service), await share(service)
        friend = person()
        body = redemption_body(shared.code, friend, order={"source_id": "o1", "amount": 1})
        wanted = (await _redeem(service, body))["redemptions"][0]
        await _redeem(service, redemption_body(other.code))
        for query in (
            f"campaign={shared.campaign}",
            f"customer={friend['source_id']}",
            f"voucher={shared.code}",
            "order_source_id=o1",
        ):
            found = await made(service.get(f"/v1/redemptions?{query}"))
            assert [one["id"] for one in found["data"]] == [wanted["id"]]
            assert found["redemptions"] == found["data"]
        assert (await made(service.get("/v1/redemptions")))["total"] == 2

    async def test_an_unknown_id_is_not_found(self, service: httpx.AsyncClient) -> None:
        refused(await service.get("/v1/redemptions/r_x"), 404, "resource_not_found")
