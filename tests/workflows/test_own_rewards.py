"""Rewards that no gift-card provider gives: coupons are minted, custom ones are called out."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio
from standardwebhooks.webhooks import Webhook

from domain.ids import Prefix, new_id
from domain.rewards import CustomReward, DiscountCoupon
from store.access import signing_secrets
from store.codes import coupons
from store.database import Database
from store.tables import Coupon, Event, Grant, Voucher
from tests.builders import add_programme, every_friend, one, points, qualify, rows, terms
from tests.keeping import Keep
from tests.receiver import Received, Receiver
from tests.workflows.stage import Stage

SECRET = "whsec_" + base64.b64encode(b"s" * 32).decode()


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    await receiver.open()
    yield receiver
    await receiver.close()


async def _custom(stage: Stage, receiver: Receiver, **changes: Any) -> CustomReward:
    secret_id = new_id(Prefix.SECRET)
    async with stage.database.transaction() as tx:
        await signing_secrets.keep(tx, {secret_id: SECRET}, stage.vault)
    given = {"name": "tree", "url": receiver.url, "data": {"species": "oak"}}
    return CustomReward(secret_id=secret_id, **given | changes)


def _coupon(**changes: Any) -> DiscountCoupon:
    discount = {"type": "PERCENT", "percent_off": 10}
    return DiscountCoupon.model_validate({"discount": discount, "prefix": "THX-"} | changes)


class TestCoupon:
    async def test_a_code_of_the_persons_own(self, stage: Stage, keep: Keep) -> None:
        case = await stage.converted(terms(every_friend(_coupon()), referee_reward=points(5)))
        assert await case.result() == "completed"
        (grant,) = await case.grants(kind="discount_coupon")
        assert (grant.status, grant.currency) == ("delivered", None)
        coupon = await one(stage.database, Coupon, grant_id=grant.id)
        assert coupon.customer_id == case.referrer_id
        voucher = await one(stage.database, Voucher, id=coupon.voucher_id)
        assert voucher.code.startswith("THX-")
        assert (voucher.quantity, voucher.published, voucher.expiration_date) == (1, True, None)
        await keep("coupon", case.handle)

    async def test_minted_once_whatever_is_repeated(self, database: Database) -> None:
        of = terms(every_friend(_coupon()), referee_reward=None)
        await qualify(database, (await add_programme(database, of)).code)
        (grant,) = await rows(database, Grant)
        for _ in range(3):
            async with database.transaction() as tx:
                await coupons.give(tx, grant.id)
        assert len(await rows(database, Coupon)) == 1
        assert len(await rows(database, Event, type="grant.delivered")) == 1


class TestCallout:
    async def test_signed_and_delivered(self, stage: Stage, receiver: Receiver, keep: Keep) -> None:
        custom = await _custom(stage, receiver)
        case = await stage.converted(terms(every_friend(custom), referee_reward=None))
        assert await case.result() == "completed"
        (grant,) = await case.grants()
        (received,) = receiver.received
        Webhook(SECRET).verify(received.body, received.headers)
        assert received.headers["webhook-id"] == received.content["id"] == grant.id
        data = received.content["data"]
        assert data["reward"] == {"name": "tree", "reward_id": None, "data": {"species": "oak"}}
        assert data["customer"]["id"] == case.referrer_id
        assert grant.status == "delivered"
        await keep("callout", case.handle)

    async def test_an_outage_is_waited_out_under_one_id(
        self, stage: Stage, receiver: Receiver
    ) -> None:
        receiver.statuses = [503, 0, 429, 204]
        custom = await _custom(stage, receiver)
        case = await stage.converted(terms(every_friend(custom), referee_reward=None))
        assert await case.result(60) == "completed"
        assert len({_identity(one) for one in receiver.received}) == 1
        assert len(receiver.received) == 4
        failures = await rows(stage.database, Event, referral_id=case.id, type="callout.failed")
        assert [event.attempt for event in failures] == [1, 2, 3]
        assert [event.detail for event in failures][::2] == ["HTTP 503", "HTTP 429"]

    async def test_a_refusal_is_parked_and_retried_by_staff(
        self, stage: Stage, receiver: Receiver
    ) -> None:
        receiver.statuses = [404, 200]
        custom = await _custom(stage, receiver)
        case = await stage.converted(terms(every_friend(custom), referee_reward=None))
        grant = await case.parked("callout_refused")
        assert grant.attention_detail == "HTTP 404"
        await case.retry(grant.id)
        assert await case.result() == "completed"
        assert len({_identity(one) for one in receiver.received}) == 1

    async def test_a_redirect_is_not_followed(self, stage: Stage, receiver: Receiver) -> None:
        receiver.statuses, receiver.location = [302], receiver.url
        custom = await _custom(stage, receiver)
        case = await stage.converted(terms(every_friend(custom), referee_reward=None))
        grant = await case.parked("callout_refused")
        assert grant.attention_detail == "HTTP 302; redirects are not followed"
        assert len(receiver.received) == 1
        await case.cancel(grant.id)
        assert await case.result() == "completed"
        assert [one.status for one in await case.grants()] == ["cancelled"]


def _identity(received: Received) -> tuple[str, bytes]:
    return received.headers["webhook-id"], received.body
