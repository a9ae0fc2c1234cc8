"""The year's threshold: nobody gets to it without a form, by whichever way and however quickly."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from domain.grants import Attention
from domain.messages import Next, StaffRequest, Step
from domain.orders import OrderState
from domain.rewards import Reward
from store.database import Database, Transaction, now
from store.ledger import reports, taxes
from store.orders import attempts
from store.orders.attempts import Attempt
from store.staff.cancel import cancel, credit_wallet, park
from store.tables import Event, Grant, Order, WalletCredit
from tests.auditing import assert_books_agree
from tests.builders import (
    Programme,
    add_friends,
    add_grant,
    add_programme,
    alter,
    convert,
    credits,
    every_friend,
    gift_card,
    judge_at_once,
    many_friends,
    one,
    points,
    qualify,
    rows,
    terms,
)
from tests.ordering import attempt, claim, deliver, record, snapshot
from tests.store.orders.claim_process import claim_patiently, run_together

LIMIT = 40_00
NEW_YEAR = datetime(now().year, 1, 1, tzinfo=UTC)


async def limit(database: Database, amount: int = LIMIT) -> None:
    async with database.transaction() as tx:
        await taxes.set_threshold(tx, "USD", amount, "W-9", actor="app_finance")


async def hand_in(database: Database, person: str) -> None:
    async with database.transaction() as tx:
        await taxes.record_form(tx, person, "W-9", actor="app_support")


async def credit(database: Database, grant_id: str) -> Step:
    async with database.transaction() as tx:
        return await credit_wallet(tx, grant_id)


async def earned(
    database: Database, count: int, reward: Reward | None = None
) -> tuple[Programme, list[str]]:
    """A referrer, and the grants of so many friends: 15.00 each, unless told otherwise."""
    of = terms(every_friend(reward or gift_card()), referee_reward=None)
    programme = await add_programme(database, of)
    decisions = [await qualify(database, programme.code) for _ in range(count)]
    return programme, [decision.grants[0].grant_id for decision in decisions]


def assert_held(step: object) -> None:
    assert isinstance(step, Step)
    assert (step.next, step.attention) == (Next.ATTEND, Attention.TAX_FORM_MISSING)
    assert step.cancellable


async def year_of(database: Database, person: str, year: int) -> int:
    """What the report says of the person, minor units."""
    since, until = (datetime(at, 1, 1, tzinfo=UTC) for at in (year, year + 1))
    async with database.reading() as session:
        found = [
            row async for row in reports.stream(session, reports.TAXES, since=since, until=until)
        ]
    return sum(row["amount"] for row in found if row["customer_id"] == person)


class TestAtOnce:
    async def test_only_cards_below_the_threshold_are_ordered(self, database: Database) -> None:
        await limit(database)
        for _ in range(3):
            programme, made = await earned(database, 6)
            claims = await asyncio.gather(*(claim(database, grant_id) for grant_id in made))
            assert sum(isinstance(claimed, Attempt) for claimed in claims) == 2
            held = await rows(
                database, Grant, recipient_id=programme.referrer_id, status="needs_attention"
            )
            assert {grant.attention for grant in held} == {"tax_form_missing"}
            assert len(held) == 4

    async def test_four_processes_together_stay_below_the_threshold(
        self, database: Database, database_url: str
    ) -> None:
        await limit(database)
        _, made = await earned(database, 12)
        await asyncio.to_thread(run_together, database_url, [made[n::4] for n in range(4)])
        assert len(await rows(database, Order)) == 2
        assert len(await rows(database, Grant, attention="tax_form_missing")) == 10

    async def test_cards_and_credits_are_one_sum(self, database: Database) -> None:
        await limit(database)
        of = terms(
            every_friend(gift_card(15_00)),
            every_friend(credits(15_00), id="tier_credits"),
            referee_reward=None,
        )
        programme = await add_programme(database, of)
        tasks = [
            task for _ in range(4) for task in (await qualify(database, programme.code)).grants
        ]
        await asyncio.gather(
            *(
                claim(database, task.grant_id) if task.provider else credit(database, task.grant_id)
                for task in tasks
            )
        )
        given = len(await rows(database, Order)) + len(await rows(database, WalletCredit))
        assert given == 2
        assert len(await rows(database, Grant, attention="tax_form_missing")) == 6
        await assert_books_agree(database)

    async def test_conversions_do_not_deadlock_with_tax_checks(self, database: Database) -> None:
        """The same referrer earns, is judged and gets, all in the same moment."""
        await limit(database)
        of = terms(every_friend(credits(15_00)), many_friends(3, gift_card(15_00), repeat=True))
        programme = await add_programme(database, of)
        first = [await qualify(database, programme.code) for _ in range(4)]
        friends = await add_friends(database, 8)
        waiting = [(await convert(database, programme.code, one)).referrals[0] for one in friends]

        async def fulfil() -> None:
            for decision in first:
                for task in decision.grants:
                    if task.provider:
                        await claim_patiently(database, task.grant_id)
                    else:
                        await credit(database, task.grant_id)

        await asyncio.gather(judge_at_once(database, waiting), fulfil())
        mine = {
            grant.id for grant in await rows(database, Grant, recipient_id=programme.referrer_id)
        }
        cards = [order for order in await rows(database, Order) if order.grant_id in mine]
        mine_credited = await rows(database, WalletCredit, customer_id=programme.referrer_id)
        assert len(cards) + len(mine_credited) == 2
        assert await _deadlocks(database) == 0
        await assert_books_agree(database)

    async def test_another_persons_sum_is_another(self, database: Database) -> None:
        await limit(database)
        made = [(await add_grant(database, gift_card(30_00))).id for _ in range(5)]
        claims = await asyncio.gather(*(claim(database, grant_id) for grant_id in made))
        assert all(isinstance(claimed, Attempt) for claimed in claims)


class TestWhatCounts:
    @pytest.mark.parametrize("state", [OrderState.UNKNOWN, OrderState.PENDING, OrderState.ISSUED])
    async def test_a_card_that_may_exist(self, database: Database, state: OrderState) -> None:
        await limit(database)
        _, (first, second) = await earned(database, 2, gift_card(20_00))
        claimed = await attempt(database, first)
        if state is not OrderState.UNKNOWN:
            await record(database, claimed.order_id, snapshot(claimed, state))
        assert_held(await claim(database, second))

    async def test_an_order_that_is_written_down_until_its_grant_is_cancelled(
        self, database: Database
    ) -> None:
        await limit(database)
        _, (first, second) = await earned(database, 2, gift_card(20_00))
        claimed = await attempt(database, first)
        async with database.transaction() as tx:
            await attempts.record_not_bought(tx, claimed, "the provider is down")
        assert_held(await claim(database, second))
        # Its own order does not stand in its own way.
        again = await attempt(database, first)
        async with database.transaction() as tx:
            await attempts.record_not_bought(tx, again, "the provider is down")
            await park(tx, first, Attention.ORDER_REJECTED, "down for weeks")
        async with database.transaction() as tx:
            await cancel(tx, StaffRequest(grant_id=first, actor="app_staff"), "referral:x")
        assert isinstance(await claim(database, second), Attempt)

    async def test_an_order_that_was_refused_does_not(self, database: Database) -> None:
        await limit(database)
        _, (first, second) = await earned(database, 2, gift_card(20_00))
        claimed = await attempt(database, first)
        async with database.transaction() as tx:
            await attempts.record_refused(tx, claimed, "unknown product")
        assert isinstance(await claim(database, second), Attempt)
        assert_held(await claim(database, first))

    async def test_points_do_not_count_for_the_threshold(self, database: Database) -> None:
        await limit(database, 1)
        grant = await add_grant(database, points(1000))
        assert await credit(database, grant.id) == Step(next=Next.REST)

    async def test_a_threshold_that_was_set_before_it_is_sent_again(
        self, database: Database
    ) -> None:
        _, (first,) = await earned(database, 1, gift_card(50_00))
        claimed = await attempt(database, first)
        async with database.transaction() as tx:
            await attempts.record_not_bought(tx, claimed, "the provider is down")
        await limit(database)
        assert_held(await claim(database, first))


class TestCredits:
    async def test_wait_for_the_form_and_go_on_with_it(self, database: Database) -> None:
        await limit(database)
        grant = await add_grant(database, credits(50_00))
        for _ in range(3):
            assert_held(await credit(database, grant.id))
        held = await one(database, Grant, id=grant.id)
        assert (held.status, held.attention) == ("needs_attention", "tax_form_missing")
        assert held.due_at is not None
        assert await rows(database, WalletCredit) == []
        assert len(await rows(database, Event, type="grant.tax_form_missing")) == 1
        await assert_books_agree(database)

        await hand_in(database, grant.recipient_id)
        assert await credit(database, grant.id) == Step(next=Next.REST)
        after = await one(database, Grant, id=grant.id)
        assert (after.status, after.attention, after.attention_detail) == ("delivered", None, None)
        assert after.due_at is None
        assert (await one(database, WalletCredit)).amount == 50_00
        await assert_books_agree(database)

    async def test_can_be_cancelled_while_they_wait(self, database: Database) -> None:
        await limit(database)
        grant = await add_grant(database, credits(50_00))
        await credit(database, grant.id)
        async with database.transaction() as tx:
            request = StaffRequest(grant_id=grant.id, actor="app_staff")
            await cancel(tx, request, grant.workflow_id)
        assert (await one(database, Grant, id=grant.id)).status == "cancelled"
        await assert_books_agree(database)


class TestCards:
    async def test_go_on_with_the_form_whatever_was_ordered_before(
        self, database: Database
    ) -> None:
        await limit(database)
        programme, made = await earned(database, 4)
        for grant_id in made:
            await claim(database, grant_id)
        await hand_in(database, programme.referrer_id)
        for grant_id in made[2:]:
            await deliver(database, grant_id)
        assert len(await rows(database, Order)) == 4


class TestYears:
    async def test_credits_of_last_year_do_not_count(self, database: Database) -> None:
        await limit(database)
        programme, made = await earned(database, 3, credits(15_00))
        for grant_id in made[:2]:
            await credit(database, grant_id)
        first, second = await rows(database, WalletCredit)
        await alter(database, first, created_at=NEW_YEAR.replace(year=NEW_YEAR.year - 1, month=12))
        assert await credit(database, made[2]) == Step(next=Next.REST)
        assert await year_of(database, programme.referrer_id, NEW_YEAR.year) == 30_00
        assert await year_of(database, programme.referrer_id, NEW_YEAR.year - 1) == 15_00
        await alter(database, second, created_at=NEW_YEAR)
        assert await year_of(database, programme.referrer_id, NEW_YEAR.year) == 30_00

    async def test_a_later_touch_moves_nothing(self, database: Database) -> None:
        last = NEW_YEAR.year - 1
        programme, made = await earned(database, 2, credits(30_00))
        await credit(database, made[0])
        await alter(
            database, await one(database, WalletCredit), created_at=NEW_YEAR.replace(year=last)
        )
        touched = await one(database, Grant, id=made[0])
        await alter(database, touched, updated_at=now())
        await limit(database)
        assert await year_of(database, programme.referrer_id, last) == 30_00
        assert await year_of(database, programme.referrer_id, last + 1) == 0
        assert await credit(database, made[1]) == Step(next=Next.REST)

    async def test_a_card_is_of_the_year_that_it_was_issued_in(self, database: Database) -> None:
        await limit(database)
        _, made = await earned(database, 3, gift_card(20_00))
        await deliver(database, made[0])
        order = await one(database, Order)
        await alter(database, order, issued_at=NEW_YEAR)
        assert_held(await claim(database, made[1]))
        await alter(database, order, issued_at=NEW_YEAR.replace(year=NEW_YEAR.year - 1))
        assert isinstance(await claim(database, made[1]), Attempt)

    async def test_one_whose_outcome_is_open_counts_in_both(self, database: Database) -> None:
        await limit(database)
        _, (old, new) = await earned(database, 2, gift_card(20_00))
        await attempt(database, old)
        order = await one(database, Order)
        await alter(database, order, first_sent_at=NEW_YEAR.replace(year=NEW_YEAR.year - 1))
        assert_held(await claim(database, new))


class TestWithoutAThreshold:
    async def test_no_lock_is_taken_without_a_threshold(self, database: Database) -> None:
        grant = await add_grant(database)
        async with database.transaction() as tx:
            assert await taxes.limit_of(tx, grant.id) is None
            assert await _advisory_locks(tx) == 0

    async def test_no_lock_is_taken_once_the_form_is_recorded(self, database: Database) -> None:
        await limit(database)
        grant = await add_grant(database)
        async with database.transaction() as tx:
            assert await taxes.limit_of(tx, grant.id) == taxes.Limit(LIMIT, "USD", "W-9")
            assert await _advisory_locks(tx) == 1
        await hand_in(database, grant.recipient_id)
        async with database.transaction() as tx:
            assert await taxes.limit_of(tx, grant.id) is None
            assert await _advisory_locks(tx) == 0


async def _advisory_locks(tx: Transaction) -> int:
    held = text(
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
    )
    return int(await tx.session.scalar(held) or 0)


async def _deadlocks(database: Database) -> int:
    counted = text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    async with database.reading() as session:
        return int(await session.scalar(counted) or 0)
