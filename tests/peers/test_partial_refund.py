"""A peer's defect (Refferq): a refund, however small, cancels every commission of that customer's
address, row by row outside a transaction, and its guard against a replay is find-then-insert.
Here a partial refund takes its share of that order's own rewards, all at once, once."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import NamedTuple

import pytest

from domain.ledger import Posting
from domain.purchases import OrderIds
from domain.refusals import CannotCount
from store.database import Database, Transaction, now
from store.qualification.qualify import qualify
from store.redemptions.redeem import redeem
from store.redemptions.repeats import RedemptionRequest
from store.redemptions.roll_back import RollbackRequest, roll_back
from store.reversals.carry_out import carry_out
from store.tables import Budget, Grant, LedgerEntry, Redemption, Referral, Reversal
from tests.auditing import assert_books_agree
from tests.builders import (
    add_customer,
    add_programme,
    budget,
    credits,
    every_friend,
    one,
    redemption_terms,
    rows,
    start_of,
)

ORDER = 40_00
TERMS = redemption_terms(
    every_friend(credits(20_00)),
    referee_reward=credits(10_00),
    hold=timedelta(days=14),
    limits=budget(100_00),
)


class Order(NamedTuple):
    """An order on which a friend used a code: two rewards of a held referral."""

    redemption_id: str
    referral_id: str
    campaign_id: str


async def _order(database: Database, friend: str) -> Order:
    programme = await add_programme(database, TERMS)
    source_id = f"order of {programme.campaign_id}"
    request = RedemptionRequest(
        code=programme.code,
        customer_id=friend,
        identity=source_id,
        amount=ORDER,
        order={"source_id": source_id},
        orders=OrderIds(source_ids=(source_id,)),
        tracking_id=None,
        metadata={},
        received_at=now(),
    )
    async with database.transaction() as tx:
        redeemed = await redeem(tx, request)
    referral = await one(database, Referral, campaign_id=programme.campaign_id)
    await qualify(database, start_of(referral))
    return Order(redeemed.redemption_id, referral.id, programme.campaign_id)


async def _refund(database: Database, order: Order, amount: int | None) -> None:
    """As the API accepts it."""
    asked = RollbackRequest(redemption_id=order.redemption_id, amount=amount, actor="app_test")
    async with database.transaction() as tx:
        await roll_back(tx, asked)


async def _carry_out(database: Database, order: Order) -> None:
    """As the referral's workflow does."""
    async with database.transaction() as tx:
        await carry_out(tx, order.referral_id)


async def _worth(database: Database, order: Order) -> dict[str, int]:
    """What each side still gets, minor units."""
    grants = await rows(database, Grant, referral_id=order.referral_id)
    return {grant.role: grant.amount for grant in grants}


async def test_a_partial_refund_reverses_its_share_of_that_order_only(database: Database) -> None:
    friend = await add_customer(database)
    refunded, other = await _order(database, friend), await _order(database, friend)
    await _refund(database, refunded, ORDER // 4)
    await _carry_out(database, refunded)
    assert await _worth(database, refunded) == {"referrer": 15_00, "referee": 7_50}
    assert await _worth(database, other) == {"referrer": 20_00, "referee": 10_00}
    assert (await one(database, Budget, campaign_id=refunded.campaign_id)).reserved == 22_50
    assert (await one(database, Budget, campaign_id=other.campaign_id)).reserved == 30_00
    assert {referral.status for referral in await rows(database, Referral)} == {"on_hold"}
    assert (await one(database, Redemption, id=refunded.redemption_id)).counts
    await assert_books_agree(database)


async def test_is_safe_to_replay(database: Database) -> None:
    order = await _order(database, await add_customer(database))
    answers = await asyncio.gather(
        *(_refund(database, order, ORDER // 4) for _ in range(8)), return_exceptions=True
    )
    refusals = [answer for answer in answers if answer is not None]
    assert len(refusals) == 7
    for refusal in refusals:
        assert isinstance(refusal, CannotCount)
        assert refusal.key == "already_rolled_back"
    assert (await one(database, Reversal)).refunded == ORDER // 4
    for _ in range(3):
        await _carry_out(database, order)
    assert await _worth(database, order) == {"referrer": 15_00, "referee": 7_50}
    await assert_books_agree(database)


async def test_is_done_as_a_whole_or_not_at_all(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = await _order(database, await add_customer(database))
    await _refund(database, order, ORDER // 4)
    entries, posted = len(await rows(database, LedgerEntry)), 0
    post = Transaction.post

    def dies_at_the_second(tx: Transaction, *postings: Posting) -> None:
        nonlocal posted
        posted += 1
        if posted == 2:
            raise ConnectionError("the process died between the two rewards")
        post(tx, *postings)

    with monkeypatch.context() as patched:
        patched.setattr(Transaction, "post", dies_at_the_second)
        with pytest.raises(ConnectionError):
            await _carry_out(database, order)
    assert posted == 2
    assert await _worth(database, order) == {"referrer": 20_00, "referee": 10_00}
    assert len(await rows(database, LedgerEntry)) == entries
    await assert_books_agree(database)
    await _carry_out(database, order)
    assert await _worth(database, order) == {"referrer": 15_00, "referee": 7_50}
    await assert_books_agree(database)
