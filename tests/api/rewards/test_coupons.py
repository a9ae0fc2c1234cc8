"""Discount coupons over HTTP: read like a code, and redeemed like one by their own person."""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

import httpx
import pytest

from domain.customers import Person
from domain.segments import SegmentType
from store.codes import coupons
from store.customers.upsert import upsert
from store.database import Database
from store.eligibility import segments
from store.tables import Coupon, Grant, Redemption, Voucher
from tests.api.api_bodies import card, made, person, redemption_body, refused, share, tier
from tests.auditing import assert_books_agree
from tests.builders import alter, in_past, one, qualify, rows

REWARD = {
    "kind": "discount_coupon",
    "discount": {"type": "PERCENT", "percent_off": 25},
    "valid_for": "P30D",
    "prefix": "THX-",
}


class Minted(NamedTuple):
    """A referrer's coupon, the campaign that gave it, and the referrer."""

    code: str
    campaign_id: str
    referrer: dict[str, Any]


async def _minted(client: httpx.AsyncClient, database: Database, **changes: Any) -> Minted:
    program = {"referee_reward": None, "tiers": [tier(REWARD | changes)]}
    shared = await share(client, program)
    decision = await qualify(database, shared.code)
    async with database.transaction() as tx:
        await coupons.give(tx, decision.grants[0].grant_id)
    coupon = await one(database, Coupon)
    voucher = await one(database, Voucher, id=coupon.voucher_id)
    return Minted(voucher.code, shared.campaign_id, shared.referrer)


async def test_reads_like_a_code(service: httpx.AsyncClient, database: Database) -> None:
    minted = await _minted(service, database)
    shown = await made(service.get(f"/v1/vouchers/{minted.code}"))
    assert shown["code"].startswith("THX-")
    assert shown["discount"]["percent_off"] == 25
    assert shown["redemption"]["quantity"] == 1
    assert (shown["is_referral_code"], shown["active"]) == (False, True)
    assert shown["expiration_date"] is not None
    (grant,) = (await made(service.get("/v1/grants")))["data"]
    assert (grant["coupon_code"], grant["status"]) == (minted.code, "delivered")
    campaign = await made(service.get(f"/v1/campaigns/{minted.campaign_id}"))
    assert campaign["vouchers_count"] == 1


async def test_is_redeemed_by_its_person(service: httpx.AsyncClient, database: Database) -> None:
    minted = await _minted(service, database)
    body = redemption_body(minted.code, minted.referrer)
    for _ in range(2):  # A repeat of the same order answers the same.
        answer = await made(service.post("/v1/redemptions", json=body))
        (redemption,) = answer["redemptions"]
        assert redemption["result"] == "SUCCESS"
        assert answer["order"]["total_discount_amount"] == 1000
    row = await one(database, Redemption)
    assert (row.referral_id, row.counts) == (None, False)
    again = redemption_body(minted.code, minted.referrer)
    refused(await service.post("/v1/redemptions", json=again), 400, "quantity_exceeded")
    await assert_books_agree(database)


async def test_is_validated_without_being_used(
    service: httpx.AsyncClient, database: Database
) -> None:
    minted = await _minted(service, database)
    body = redemption_body(minted.code, minted.referrer)
    answer = await made(service.post("/v1/validations", json=body))
    assert answer["valid"] is True
    assert answer["redeemables"][0]["result"]["discount"]["percent_off"] == 25
    assert (await one(database, Voucher, code=minted.code)).redeemed_quantity == 0


async def test_ten_uses_at_once_are_one(service: httpx.AsyncClient, database: Database) -> None:
    minted = await _minted(service, database)
    uses = (redemption_body(minted.code, minted.referrer) for _ in range(10))
    answers = await asyncio.gather(*(service.post("/v1/redemptions", json=use) for use in uses))
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 9
    assert (await one(database, Voucher, code=minted.code)).redeemed_quantity == 1


async def test_refers_nobody(service: httpx.AsyncClient, database: Database) -> None:
    minted = await _minted(service, database)
    body = {"code": minted.code, "customer": person()}
    refused(await service.post("/v1/referrals", json=body), 400, "voucher_not_active")


@pytest.mark.parametrize(
    ("columns", "key"),
    [({"active": False}, "voucher_disabled"), ({"expiration_date": None}, "voucher_expired")],
)
async def test_refused(
    service: httpx.AsyncClient, database: Database, columns: dict[str, Any], key: str
) -> None:
    minted = await _minted(service, database)
    voucher = await one(database, Voucher, code=minted.code)
    past = {"expiration_date": in_past(days=1)} if "expiration_date" in columns else columns
    await alter(database, voucher, **past)
    body = redemption_body(minted.code, minted.referrer)
    refused(await service.post("/v1/redemptions", json=body), 400, key)


async def test_belongs_to_its_person(service: httpx.AsyncClient, database: Database) -> None:
    minted = await _minted(service, database)
    body = redemption_body(minted.code, person())
    refused(await service.post("/v1/redemptions", json=body), 400, "customer_rules_violated")


async def test_a_rollback_gives_the_use_back(
    service: httpx.AsyncClient, database: Database
) -> None:
    minted = await _minted(service, database)
    body = redemption_body(minted.code, minted.referrer)
    answer = await made(service.post("/v1/redemptions", json=body))
    await made(service.post(f"/v1/redemptions/{answer['redemptions'][0]['id']}/rollback"))
    again = redemption_body(minted.code, minted.referrer)
    await made(service.post("/v1/redemptions", json=again))


async def test_an_amount_depends_on_the_person(
    service: httpx.AsyncClient, database: Database
) -> None:
    reward = card(1500, amount_by={"metadata": "plan.level", "values": {"gold": 4000, "1": 500}})
    shared = await share(service, {"referee_reward": reward, "tiers": [tier(reward)]})
    gold = {"plan": {"level": ["gold", 1]}}
    await made(service.post("/v1/customers", json=shared.referrer | {"metadata": gold}))
    decision = await qualify(database, shared.code)
    assert decision.qualified
    await made(service.post("/v1/customers", json=shared.referrer | {"metadata": {"plan": None}}))
    amounts = {grant.role: grant.amount for grant in await rows(database, Grant)}
    assert amounts == {"referrer": 4000, "referee": 1500}
    frozen = (await one(database, Grant, role="referrer")).reward
    assert (frozen["amount"], frozen.get("amount_by")) == (4000, None)
    await assert_books_agree(database)


async def test_an_amount_depends_on_a_segment(
    service: httpx.AsyncClient, database: Database
) -> None:
    async with database.transaction() as tx:
        friend = await upsert(tx, Person(source_id="friend-of-gold"))
        people = [friend.id]
        gold = await segments.create(tx, "gold", SegmentType.STATIC, None, people)
        few = await segments.create(tx, "few", SegmentType.STATIC, None, people)
    by = {"segment": True, "values": {gold: 4000, few: 500}}
    shared = await share(service, {"referee_reward": card(amount_by=by), "tiers": []})
    await qualify(database, shared.code, people[0])
    await qualify(database, shared.code)
    assert sorted(grant.amount for grant in await rows(database, Grant)) == [1500, 4000]
    unknown = card(amount_by={"segment": True, "values": {"seg_x": 1}})
    response = await service.post("/v1/rewards", json={"name": "x", "reward": unknown})
    refused(response, 404, "resource_not_found", "/amount_by/values")


class TestItsPerson:
    """A coupon is told of as what it is, where its person's things are."""

    async def test_finds_it_in_the_wallet(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        minted = await _minted(service, database)
        path = f"/v1/customers/{minted.referrer['source_id']}/redeemables"
        held = [
            one
            for one in (await made(service.get(path)))["data"]
            if one["campaign_type"] == "DISCOUNT_COUPONS"
        ]
        (coupon,) = held
        assert coupon["redeemable"]["voucher"]["code"] == minted.code
        assert coupon["redeemable"]["voucher"]["discount"]["percent_off"] == 25
        assert coupon["redeemable"]["status"] == "ACTIVE"
        await made(
            service.post("/v1/redemptions", json=redemption_body(minted.code, minted.referrer))
        )
        (used,) = [
            one for one in (await made(service.get(path)))["data"] if one["id"] == coupon["id"]
        ]
        assert used["redeemable"]["status"] == "NO_BALANCE"

    async def test_finds_it_in_the_activity(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        minted = await _minted(service, database)
        await made(
            service.post("/v1/redemptions", json=redemption_body(minted.code, minted.referrer))
        )
        again = redemption_body(minted.code, minted.referrer)
        refused(await service.post("/v1/redemptions", json=again), 400, "quantity_exceeded")
        voucher = await one(database, Voucher, code=minted.code)
        path = f"/v1/customers/{minted.referrer['source_id']}/activity"
        told = [
            (each["type"], each["data"]["title"])
            for each in (await made(service.get(path)))["data"]
            if each["data"].get("voucher_id") == voucher.id
        ]
        assert told == [
            ("customer.redemption.failed", "Discount coupon refused"),
            ("customer.redemption.succeeded", "Discount coupon redeemed"),
            ("customer.rewarded", "Discount coupon given"),
        ]

    async def test_its_story_is_the_rewards(
        self, service: httpx.AsyncClient, support: httpx.AsyncClient, database: Database
    ) -> None:
        """Refused to somebody else, too."""
        minted = await _minted(service, database)
        body = redemption_body(minted.code, person())
        refused(await service.post("/v1/redemptions", json=body), 400, "customer_rules_violated")
        (grant,) = (await made(service.get("/v1/grants")))["data"]
        timeline = await made(support.get(f"/v1/grants/{grant['id']}/timeline"))
        assert "Discount coupon refused" in [each["title"] for each in timeline["data"]]
