"""Coupons under reversal: an unused one is switched off, a used one stands, and a milestone that
is reached again gets its own back."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from domain.campaigns import OnReversal
from domain.rewards import DiscountCoupon
from store.codes import coupons
from store.database import Database
from store.reversals.carry_out import carry_out
from store.reversals.request import request_reversal
from store.tables import Coupon, Grant, Referral, Voucher
from tests.auditing import assert_books_agree
from tests.builders import add_friends, add_programme, many_friends, one, qualify, rows, terms

COUPON = DiscountCoupon.model_validate({"discount": {"type": "AMOUNT", "amount_off": 500}})


class Reached(NamedTuple):
    """A milestone of two friends with a coupon, minted."""

    code: str
    friends: list[str]
    grant: Grant

    async def voucher(self, database: Database) -> Voucher:
        coupon = await one(database, Coupon)
        return await one(database, Voucher, id=coupon.voucher_id)


async def _reached(database: Database) -> Reached:
    tier = many_friends(2, COUPON).model_copy(update={"on_reversal": OnReversal.UNDO})
    programme = await add_programme(database, terms(tier, referee_reward=None))
    friends = await add_friends(database, 3)
    for friend in friends[:2]:
        await qualify(database, programme.code, friend, order_amount=10_000)
    await _give(database)
    return Reached(programme.code, friends, await one(database, Grant))


async def _give(database: Database) -> None:
    async with database.transaction() as tx:
        await coupons.give(tx, (await one(database, Grant)).id)


async def _reverse(database: Database, reached: Reached, amount: int | None = None) -> None:
    referral = await one(database, Referral, referee_id=reached.friends[1])
    async with database.transaction() as tx:
        await request_reversal(tx, referral.id, amount, "sent back", f"refund-{amount}")
    async with database.transaction() as tx:
        await carry_out(tx, referral.id)


async def test_an_unused_one_is_switched_off(database: Database) -> None:
    reached = await _reached(database)
    await _reverse(database, reached)
    assert (await one(database, Grant)).status == "cancelled"
    assert not (await reached.voucher(database)).active
    await assert_books_agree(database)


async def test_a_used_one_stands(database: Database) -> None:
    reached = await _reached(database)
    voucher = await reached.voucher(database)
    async with database.transaction() as tx:
        assert await coupons.take(tx, voucher.code, reached.grant.recipient_id)
    await _reverse(database, reached)
    assert (await one(database, Grant)).status == "delivered"
    assert (await reached.voucher(database)).active
    await assert_books_agree(database)


async def test_a_share_of_the_order_leaves_it(database: Database) -> None:
    reached = await _reached(database)
    await _reverse(database, reached, 4_000)
    assert (await one(database, Grant)).status == "delivered"
    assert (await reached.voucher(database)).active


async def test_reached_again_it_is_the_same_one(database: Database) -> None:
    reached = await _reached(database)
    before = await reached.voucher(database)
    await _reverse(database, reached)
    await qualify(database, reached.code, reached.friends[2])
    await _give(database)
    assert len(await rows(database, Coupon)) == 1
    after = await reached.voucher(database)
    assert (after.code, after.active) == (before.code, True)
    await assert_books_agree(database)


@pytest.mark.parametrize("times", [2])
async def test_switching_off_twice_is_once(database: Database, times: int) -> None:
    reached = await _reached(database)
    for _ in range(times):
        async with database.transaction() as tx:
            assert await coupons.disable(tx, reached.grant)
    assert not (await reached.voucher(database)).active
