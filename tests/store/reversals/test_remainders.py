"""What a refund or a debt leaves of a card is a card that its product is sold in, or none."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from domain.campaigns import Remainder
from domain.catalogue import Product
from domain.grants import Attention
from domain.messages import Next, Step
from domain.money import Money
from domain.purchases import OrderIds
from domain.rewards import Delivery
from store.database import Database
from store.grants import receivables
from store.orders import attempts as orders
from store.orders.attempts import Attempt
from store.reversals import carry_out as reversing
from store.reversals.request import request_reversal
from store.staff import cancel as grants
from store.tables import Event, Grant, Order, Referral, WalletCredit
from tests.auditing import assert_books_agree, balances
from tests.builders import (
    add_customer,
    add_programme,
    budget,
    one,
    points,
    qualify,
    rows,
    terms,
)
from tests.catalogues import cvs, put_catalogue
from tests.ordering import attempt, claim

ORDER = 300_00
IN_STEPS = Product(
    id="CVS",
    name="CVS Pharmacy",
    currency="USD",
    fixed=tuple(Money(amount=amount, currency="USD") for amount in (5_00, 10_00, 15_00)),
    deliveries=frozenset({Delivery.EMAIL}),
)


async def granted(database: Database, **changes: Any) -> Grant:
    """A friend's card of 15.00, for an order of 300.00."""
    given: dict[str, Any] = {"tiers": (), "limits": budget(600_00)}
    programme = await add_programme(database, terms(**given | changes))
    decision = await qualify(
        database, programme.code, orders=OrderIds(source_ids=("order-1",)), order_amount=ORDER
    )
    return await one(database, Grant, id=decision.grants[0].grant_id)


async def refund(database: Database, grant: Grant, amount: int) -> None:
    async with database.transaction() as tx:
        await request_reversal(tx, grant.referral_id, amount, "sent back", "refund-1")
    async with database.transaction() as tx:
        await reversing.carry_out(tx, grant.referral_id)


async def test_a_remainder_without_a_card_so_small_is_cancelled_with_a_reason(
    database: Database,
) -> None:
    await put_catalogue(database, cvs())
    grant = await granted(database)
    await refund(database, grant, 290_00)
    assert await claim(database, grant.id) == Step(next=Next.REST)
    left = await one(database, Grant, id=grant.id)
    assert (left.status, await rows(database, Order)) == ("cancelled", [])
    (told,) = await rows(database, Event, type="grant.cancelled")
    assert told.detail == (
        "0.50 USD is left of it, and the smallest card of CVS Pharmacy is 1.00 USD. Cancelled."
    )
    assert (await one(database, Referral)).status == "completed"
    await assert_books_agree(database)
    await refund_the_rest(database, grant)


async def refund_the_rest(database: Database, grant: Grant) -> None:
    async with database.transaction() as tx:
        await request_reversal(tx, grant.referral_id, None, "all of it", "refund-2")
    async with database.transaction() as tx:
        await reversing.carry_out(tx, grant.referral_id)
    assert (await one(database, Referral)).status == "reversed"
    held = await balances(database)
    assert held[f"receivable/{grant.recipient_id}", "USD"] == 0
    assert held[f"wallet/{grant.recipient_id}", "USD"] == 0
    await assert_books_agree(database)


async def test_a_remainder_is_credited_to_the_wallet_where_the_terms_say_so(
    database: Database,
) -> None:
    await put_catalogue(database, cvs())
    grant = await granted(database, remainder=Remainder.CREDIT)
    await refund(database, grant, 290_00)
    assert await claim(database, grant.id) == Step(next=Next.REST)
    left = await one(database, Grant, id=grant.id)
    assert (left.status, left.kind, left.amount) == ("delivered", "gift_credits", 50)
    assert (await one(database, WalletCredit)).remaining == 50
    await assert_books_agree(database)
    await refund_the_rest(database, grant)


async def test_a_remainder_is_ordered_where_such_a_card_is_sold(database: Database) -> None:
    await put_catalogue(database, cvs())
    grant = await granted(database)
    await refund(database, grant, 280_00)
    claimed = await claim(database, grant.id)
    assert isinstance(claimed, Attempt)
    assert claimed.request.face == Money(amount=1_00, currency="USD")


async def test_a_refused_card_that_is_tried_again_is_looked_at_too(database: Database) -> None:
    """The provider refused it before its catalogue was known here: no retry could succeed."""
    grant = await granted(database)
    await refund(database, grant, 290_00)
    claimed = await attempt(database, grant.id)
    async with database.transaction() as tx:
        await orders.record_refused(tx, claimed, "below the minimum")
        await grants.park(tx, grant.id, Attention.ORDER_REJECTED, "below the minimum")
    await put_catalogue(database, cvs())
    assert await claim(database, grant.id) == Step(next=Next.REST)
    assert (await one(database, Grant, id=grant.id)).status == "cancelled"
    await assert_books_agree(database)


async def test_a_card_sold_in_steps_stands_and_its_share_is_owed(database: Database) -> None:
    """No card of 12.34 is sold, and one of 15.00 is."""
    await put_catalogue(database, IN_STEPS)
    grant = await granted(database)
    await refund(database, grant, 53_20)
    left = await one(database, Grant, id=grant.id)
    assert (left.amount, left.receivable_amount) == (15_00, 2_66)
    await assert_books_agree(database)


@pytest.mark.parametrize(
    ("product", "debt", "kept"),
    [
        (cvs(), 14_50, 14_00),
        (cvs(), 5_00, 5_00),
        (cvs(), 15_00, 15_00),
        (cvs(15_00), 5_00, 0),
        (IN_STEPS, 7_00, 5_00),
        (IN_STEPS, 4_99, 0),
        (IN_STEPS, 14_99, 10_00),
        (IN_STEPS, 20_00, 15_00),
        (None, 14_50, 14_50),
    ],
)
async def test_netting_a_debt_leaves_a_card_that_is_sold(
    database: Database, product: Product | None, debt: int, kept: int
) -> None:
    if product:
        await put_catalogue(database, product)
    programme = await add_programme(database, terms(tiers=(), limits=budget(600_00)))
    friend = await add_customer(database)
    async with database.transaction() as tx:
        await receivables.change(tx, friend, "USD", debt)
    decision = await qualify(database, programme.code, friend)
    grant = await one(database, Grant, id=decision.grants[0].grant_id)
    assert grant.netted == kept
    assert grant.amount == (15_00 if kept == 15_00 else 15_00 - kept)


async def test_points_are_kept_back_to_the_last_one(database: Database) -> None:
    await put_catalogue(database, cvs())
    programme = await add_programme(database, terms(tiers=(), referee_reward=points(100)))
    friend = await add_customer(database)
    async with database.transaction() as tx:
        await receivables.change(tx, friend, "POINTS", 99)
    decision = await qualify(database, programme.code, friend)
    assert (await one(database, Grant, id=decision.grants[0].grant_id)).amount == 1


async def test_a_held_card_is_looked_at_when_it_is_ordered(database: Database) -> None:
    await put_catalogue(database, cvs())
    grant = await granted(database, hold=timedelta(days=14))
    await refund(database, grant, 290_00)
    assert (await one(database, Grant, id=grant.id)).status == "held"
    assert await claim(database, grant.id) == Step(next=Next.REST)
    assert (await one(database, Grant, id=grant.id)).status == "cancelled"
