"""Refunds that come before their purchase: kept under the order, and judged with it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from domain.customers import Person
from domain.purchases import OrderIds, Sort
from domain.refusals import IdentityReused, InvalidPayload, NotAllowedInState
from store.customers.upsert import upsert
from store.database import Database
from store.outbox.messages import Outgoing
from store.qualification.qualify import qualify
from store.referrals.convert import Converted
from store.reversals.by_order import reverse_order
from store.reversals.carry_out import carry_out
from store.reversals.early import book_purchase, reinstate
from store.reversals.order_refund import OrderRefund
from store.reversals.request import clear_up
from store.tables import Customer, EarlyRefund, Event, Grant, Referral, ReferrerProgress, Reversal
from tests.auditing import assert_books_agree
from tests.builders import (
    Programme,
    add_customer,
    add_programme,
    budget,
    conversion,
    many_friends,
    one,
    points,
    rows,
    start_of,
    terms,
)

PAID = 300_00
HOLD = timedelta(days=14)


def refund(amount: int | None = None, id: str | None = None, **changes: Any) -> OrderRefund:
    """Of order 1001: of `amount`, or all of it."""
    given = {"order_id": "1001", "refunded": amount, "reason": "sent back", "identity": id}
    return OrderRefund(**given | changes)


async def told(database: Database, *refunds: OrderRefund) -> list[int]:
    """Each refund in a transaction of its own; of how many referrals each is."""
    of = []
    for each in refunds:
        async with database.transaction() as tx:
            of.append(len(await reverse_order(tx, each)))
    return of


async def buy(
    database: Database, programme: Programme, friend: str | None = None, **changes: Any
) -> Converted:
    """The purchase of order 1001, as the API books it."""
    given = {"orders": OrderIds(source_ids=("1001",)), "order_amount": PAID}
    given |= {"order_currency": "USD"} | changes
    who = friend or await add_customer(database)
    async with database.transaction() as tx:
        return await book_purchase(tx, conversion(who, programme.code, **given))


async def work_off(database: Database, referral: Referral) -> Referral:
    """What the workflow does: it judges, and undoes first what was refunded before."""
    decision = await qualify(database, start_of(referral))
    if decision.reversal_id or not decision.qualified:
        async with database.transaction() as tx:
            await carry_out(tx, referral.id)
    return await one(database, Referral, id=referral.id)


async def programme_of(database: Database, *tiers: Any, **changes: Any) -> Programme:
    given = {"hold": HOLD, "limits": budget(600_00)} | changes
    return await add_programme(database, terms(*tiers, **given))


def reversals(messages: list[Outgoing]) -> list[Outgoing]:
    return [one for one in messages if one.reversal_id]


async def test_all_of_it_leaves_nothing_to_pay_and_no_milestone(database: Database) -> None:
    programme = await programme_of(database, many_friends(1, points(100)))
    assert await told(database, refund()) == [0]
    bought = await buy(database, programme)
    referral = await work_off(database, bought.referrals[0])
    assert (referral.status, referral.ordinal) == ("rejected", None)
    assert referral.reversed_at is not None
    assert await rows(database, Grant) == []
    assert [row.unique_referees for row in await rows(database, ReferrerProgress)] == [0]
    assert [row.carried_out_at is None for row in await rows(database, Reversal)] == [False]
    await assert_books_agree(database)


async def test_a_part_leaves_what_the_same_part_would_have_left_afterwards(
    database: Database,
) -> None:
    left = []
    for early in (True, False):
        programme = await programme_of(database)
        part = refund(100_00, f"re-{early}", campaign_id=programme.campaign_id)
        if early:
            assert await told(database, part) == [0]
        referral = (await buy(database, programme)).referrals[0]
        if not early:
            assert await told(database, part) == [1]
        assert (await work_off(database, referral)).status == "on_hold"
        grants = await rows(database, Grant, referral_id=referral.id)
        left.append([(grant.role, grant.amount, grant.status) for grant in grants])
    assert left[0] == left[1]
    assert {amount for _, amount, _ in left[0]} == {10_00}
    await assert_books_agree(database)


async def test_several_parts_come_to_their_sum(database: Database) -> None:
    programme = await programme_of(database)
    parts = [refund(100_00, f"re-{number}") for number in range(3)]
    assert await told(database, *parts, *parts) == [0] * 6
    referral = await work_off(database, (await buy(database, programme)).referrals[0])
    assert referral.status == "rejected"
    assert [row.refunded for row in await rows(database, Reversal)] == [100_00] * 3
    assert await rows(database, Grant) == []


@pytest.mark.parametrize(
    "odd",
    [
        {"refunded": 304_00},
        {"refunded": 100_00, "currency": "EUR"},
        {"refunded": 100_00, "order_amount": 290_00},
    ],
    ids=["beyond the amount", "another currency", "another price"],
)
async def test_an_early_refund_that_does_not_fit_the_purchase_waits_for_a_person(
    database: Database, odd: dict[str, Any]
) -> None:
    programme = await programme_of(database)
    await told(database, refund(id="re-1", **odd))
    bought = await buy(database, programme)
    referral = await work_off(database, bought.referrals[0])
    assert (referral.status, referral.reason) == ("needs_attention", "refund_unclear")
    assert await rows(database, Grant) == []
    (said,) = await rows(database, Event, type="referral.needs_attention")
    assert "USD" in (said.detail or "")
    async with database.transaction() as tx:
        assert await clear_up(tx, referral.id, True, "act_1", "I asked the shop")
    assert (await work_off(database, referral)).status == "on_hold"
    assert {grant.amount for grant in await rows(database, Grant)} == {15_00}


async def test_a_person_may_say_that_it_was_refunded(database: Database) -> None:
    programme = await programme_of(database)
    await told(database, refund(304_00, "re-1"))
    referral = (await buy(database, programme)).referrals[0]
    async with database.transaction() as tx:
        assert await clear_up(tx, referral.id, False, "act_1", None)
    async with database.transaction() as tx:
        await carry_out(tx, referral.id)
    assert (await one(database, Referral)).status == "rejected"
    async with database.transaction() as tx:
        assert await clear_up(tx, referral.id, True, "act_1", None) is None


async def test_a_second_campaign_that_claims_it_waits_for_a_person(database: Database) -> None:
    first, second = await programme_of(database), await programme_of(database)
    assert await told(database, refund(id="re-1")) == [0]
    referrals = [(await buy(database, each)).referrals[0] for each in (first, second)]
    done = [await work_off(database, referral) for referral in referrals]
    assert [one.status for one in done] == ["rejected", "needs_attention"]
    (kept,) = await rows(database, EarlyRefund)
    assert first.campaign_id in (kept.problem or "")
    assert len(await rows(database, Reversal)) == 1
    # Told of again, it is about the same, and applied to nothing more.
    assert await told(database, refund(id="re-1")) == [2]
    assert len(await rows(database, Reversal)) == 1


async def test_an_early_refund_for_all_campaigns_undoes_each_purchase(database: Database) -> None:
    both = [await programme_of(database) for _ in range(2)]
    await told(database, refund(all_campaigns=True))
    for programme in both:
        referral = (await buy(database, programme)).referrals[0]
        assert (await work_off(database, referral)).status == "rejected"


async def test_an_early_refund_of_another_campaign_keeps_waiting(database: Database) -> None:
    meant, other = await programme_of(database), await programme_of(database)
    await told(database, refund(campaign_id=meant.campaign_id))
    for programme, status in ((other, "on_hold"), (meant, "rejected")):
        referral = (await buy(database, programme)).referrals[0]
        assert (await work_off(database, referral)).status == status


@pytest.mark.parametrize(
    ("sort", "ids", "status"),
    [
        (Sort.SOURCE_ID, OrderIds(source_ids=("a", "1001")), "rejected"),
        (Sort.SOURCE_ID, OrderIds(source_ids=("1001",), ids=("7",)), "rejected"),
        (Sort.ID, OrderIds(source_ids=("7",), ids=("1001",)), "rejected"),
        # The shop sent no id of its own.
        (Sort.SOURCE_ID, OrderIds(ids=("1001",)), "rejected"),
        (Sort.ID, OrderIds(source_ids=("1001",)), "on_hold"),
        # It sent both, and may mean either.
        (Sort.SOURCE_ID, OrderIds(source_ids=("7",), ids=("1001",)), "needs_attention"),
    ],
)
async def test_any_name_of_the_order_finds_it(
    database: Database, sort: Sort, ids: OrderIds, status: str
) -> None:
    programme = await programme_of(database)
    await told(database, refund(sort=sort))
    referral = (await buy(database, programme, orders=ids)).referrals[0]
    assert (await work_off(database, referral)).status == status


async def test_told_under_both_names_it_counts_once(database: Database) -> None:
    programme = await programme_of(database)
    await told(database, refund(100_00, "re-1"), refund(100_00, "re-1", sort=Sort.ID))
    ids = OrderIds(source_ids=("1001",), ids=("1001",))
    await buy(database, programme, orders=ids)
    assert [row.refunded for row in await rows(database, Reversal)] == [100_00]


async def test_the_same_says_the_same(database: Database) -> None:
    await told(database, refund(100_00, "re-1", currency="USD"), refund(100_00, " re-1 "))
    assert len(await rows(database, EarlyRefund)) == 1
    for other in (
        refund(200_00, "re-1"),
        refund(None, "re-1"),
        refund(100_00, "re-1", currency="EUR"),
    ):
        with pytest.raises(IdentityReused):
            await told(database, other)
    with pytest.raises(InvalidPayload):
        await told(database, refund(100_00))
    with pytest.raises(InvalidPayload):
        await told(database, refund(100_00, "re-2", order_amount=90_00))


async def test_after_its_purchase_a_repeat_has_no_effect_and_a_new_refund_has(
    database: Database,
) -> None:
    programme = await programme_of(database)
    await told(database, refund(100_00, "re-1"))
    await buy(database, programme)
    assert await told(database, refund(100_00, "re-1"), refund(200_00, "re-2")) == [1, 1]
    assert sorted(row.refunded or 0 for row in await rows(database, Reversal)) == [100_00, 200_00]


async def test_the_same_order_bought_after_all_is_rewarded(database: Database) -> None:
    """An event with a new identity reinstates; a late repeat of the first event does not."""
    programme, friend = await programme_of(database), await add_customer(database)
    await told(database, refund())
    referral = (await buy(database, programme, friend, event_id="evt-1")).referrals[0]
    await work_off(database, referral)
    assert not (await buy(database, programme, friend, event_id="evt-1")).intake
    assert (await buy(database, programme, friend, event_id="evt-2")).intake
    async with database.transaction() as tx:
        assert (await carry_out(tx, referral.id)).judge
    assert (await work_off(database, referral)).status == "on_hold"
    # And it may be refunded again, as one that did not come early.
    assert await told(database, refund()) == [1]
    async with database.transaction() as tx:
        await carry_out(tx, referral.id)
    assert (await one(database, Referral)).status == "reversed"


async def test_what_was_refunded_of_a_rejected_purchase_counts_once_staff_bring_it_back(
    database: Database,
) -> None:
    programme = await programme_of(database)
    referrer = await one(database, Customer, id=programme.referrer_id)
    friend = await add_customer(database, email=referrer.email)
    referral = (await buy(database, programme, friend)).referrals[0]
    assert (await work_off(database, referral)).status == "rejected"
    assert await told(database, refund(100_00, "re-1")) == [0]
    async with database.transaction() as tx:
        await upsert(tx, Person(id=friend, email="friend@example.com"), corrects=True)
        await reinstate(tx, referral.id, "it was a mistake", actor="act_1")
    async with database.transaction() as tx:
        assert (await carry_out(tx, referral.id)).judge
    await work_off(database, referral)
    assert {grant.amount for grant in await rows(database, Grant)} == {10_00}
    assert await told(database, refund(100_00, "re-1")) == [1]
    assert len(await rows(database, Reversal)) == 1
    await assert_books_agree(database)


async def test_a_refund_that_is_no_share_of_it_is_told_to_who_reinstates(
    database: Database,
) -> None:
    programme = await programme_of(database)
    referrer = await one(database, Customer, id=programme.referrer_id)
    friend = await add_customer(database, email=referrer.email)
    referral = (await buy(database, programme, friend)).referrals[0]
    await work_off(database, referral)
    await told(database, refund(304_00, "re-1"))
    with pytest.raises(NotAllowedInState, match=r"304\.00 USD"):
        async with database.transaction() as tx:
            await reinstate(tx, referral.id, "it was a mistake", actor="act_1")


async def test_a_part_of_an_order_that_was_bought_anew_by_another_is_that_ones(
    database: Database,
) -> None:
    programme = await programme_of(database)
    first = (await buy(database, programme)).referrals[0]
    await work_off(database, first)
    assert await told(database, refund(None, "re-1")) == [1]
    async with database.transaction() as tx:
        await carry_out(tx, first.id)
    second = (await buy(database, programme)).referrals[0]
    await work_off(database, second)
    assert await told(database, refund(100_00, "re-2")) == [1]
    async with database.transaction() as tx:
        await carry_out(tx, second.id)
    grants = await rows(database, Grant, referral_id=second.id)
    assert {grant.amount for grant in grants} == {10_00}
    await assert_books_agree(database)


async def test_a_refund_and_its_purchase_in_the_same_moment_do_not_miss_each_other(
    database: Database,
) -> None:
    """Two connections each time, and a purchase that nobody refunds beside them."""
    programme: Programme = await programme_of(database, limits=budget(6_000_00))
    for number in range(24):
        order, friend = f"order-{number}", await add_customer(database)
        whole = refund(id=f"re-{number}", order_id=order)
        ids = OrderIds(source_ids=(order,), ids=(f"cart-{number}",))
        acts = [told(database, whole), buy(database, programme, friend, orders=ids)]
        await asyncio.gather(*(acts if number % 2 else reversed(acts)))
        referral = await one(database, Referral, referee_id=friend)
        (asked,) = await rows(database, Reversal, referral_id=referral.id)
        assert asked.refunded is None
        assert (await work_off(database, referral)).status == "rejected"
    assert len(await rows(database, Reversal)) == 24
    assert await rows(database, Grant) == []
    await assert_books_agree(database)


async def somebody_waits(database: Database) -> None:
    """For an order's lock, which another connection holds."""
    waiting = text(
        "SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = pg_locks.database"
        " WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()"
    )
    async with asyncio.timeout(120):
        while True:
            async with database.reading() as session:
                if await session.scalar(waiting):
                    return
            await asyncio.sleep(0.01)


async def test_whichever_comes_second_waits_for_the_first(database: Database) -> None:
    """Each holds its transaction open until the other is known to wait for the order's lock."""
    programme = await programme_of(database, limits=budget(6_000_00))
    for first in ("refund", "purchase"):
        friend = await add_customer(database)
        ids = OrderIds(source_ids=(first,))
        purchase = conversion(friend, programme.code, orders=ids, order_amount=PAID)
        whole = refund(order_id=first)
        async with database.transaction() as tx:
            if first == "refund":
                await reverse_order(tx, whole)
                second = asyncio.create_task(buy(database, programme, friend, orders=ids))
            else:
                await book_purchase(tx, purchase)
                second = asyncio.create_task(told(database, whole))
            await somebody_waits(database)
            assert not second.done()
        await second
        referral = await one(database, Referral, referee_id=friend)
        assert len(await rows(database, Reversal, referral_id=referral.id)) == 1


async def test_if_two_purchases_match_one_refund_a_person_decides_about_one(
    database: Database,
) -> None:
    """Two shops name the order by other ids, so that no lock of an order is common to both."""
    first, second = [await programme_of(database, limits=budget(6_000_00)) for _ in range(2)]
    for number in range(12):
        order = f"order-{number}"
        await told(database, refund(id=f"re-{number}", order_id=order))
        await asyncio.gather(
            buy(database, first, orders=OrderIds(ids=(order,))),
            buy(database, second, orders=OrderIds(source_ids=(order,))),
        )
        referrals = await rows(database, Referral, order_source_id=order)
        assert sorted(one.status for one in referrals) == ["converted", "needs_attention"]
    assert len(await rows(database, Reversal)) == 12
