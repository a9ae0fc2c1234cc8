"""Staff's decisions about a grant, parking, and a provider's stopped lane."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from domain.grants import Attention, GrantStatus
from domain.messages import Next, StaffRequest, Step
from domain.orders import OrderState
from domain.referrals import ReferralStatus
from domain.refusals import NotAllowedInState
from domain.staff import Action
from store.database import Database
from store.orders import attempts
from store.orders.attempts import Attempt
from store.providers import lanes
from store.staff import cancel as grants
from store.staff import requests
from store.staff.requests import Asking
from store.tables import Budget, Event, Grant, Lane, LedgerEntry, Order, Referral
from tests.auditing import assert_books_agree
from tests.builders import PROVIDER, add_grant, alter, budget, gift_card, one, rows, words_of
from tests.ordering import PROBE_EVERY, attempt, claim, deliver, record, snapshot


async def cancel(database: Database, grant_id: str) -> Step:
    request = StaffRequest(grant_id=grant_id, actor="app_staff")
    async with database.transaction() as tx:
        return await grants.cancel(tx, request, "referral:test")


async def asked(database: Database, action: Action, grant_id: str, reason: str) -> StaffRequest:
    """What staff ask for, as the API writes it down."""
    asking = Asking(action, "app_staff", "once", grant_id=grant_id, reason=reason)
    async with database.transaction() as tx:
        request_id = (await requests.ask(tx, asking, ())).id
    return StaffRequest(grant_id=grant_id, actor="app_staff", request_id=request_id)


async def park(
    database: Database, grant_id: str, attention: Attention, detail: str = "why"
) -> Step:
    async with database.transaction() as tx:
        return await grants.park(tx, grant_id, attention, detail)


class TestCancel:
    async def test_releases_the_budget(self, database: Database) -> None:
        grant = await add_grant(database, gift_card(25_00), limits=budget(25_00))
        assert await cancel(database, grant.id) == Step(next=Next.REST)
        assert (await one(database, Grant)).status == GrantStatus.CANCELLED
        assert (await one(database, Budget)).reserved == 0
        assert (await one(database, Referral)).status == ReferralStatus.COMPLETED
        await assert_books_agree(database)

    async def test_tells_who_and_why(self, database: Database) -> None:
        grant = await add_grant(database)
        await park(database, grant.id, Attention.RECIPIENT_INCOMPLETE)
        request = await asked(database, Action.CANCEL, grant.id, "left the company")
        async with database.transaction() as tx:
            await grants.cancel(tx, request, "referral:test")
        event = await one(database, Event, type="grant.cancelled")
        assert (event.source, event.actor) == ("staff", "app_staff")
        assert await words_of(database, event) == "left the company"

    async def test_twice_releases_once(self, database: Database) -> None:
        grant = await add_grant(database)
        await cancel(database, grant.id)
        await cancel(database, grant.id)
        assert len(await rows(database, LedgerEntry, kind="release")) == 4
        await assert_books_agree(database)

    async def test_ten_times_at_once_releases_once(self, database: Database) -> None:
        grant = await add_grant(database)
        await asyncio.gather(*(cancel(database, grant.id) for _ in range(10)))
        await assert_books_agree(database)

    async def test_a_refused_order_does_not_stand_in_the_way(self, database: Database) -> None:
        grant = await add_grant(database)
        claimed = await attempt(database, grant.id)
        async with database.transaction() as tx:
            await attempts.record_refused(tx, claimed, "unknown product")
        await cancel(database, grant.id)
        await assert_books_agree(database)

    async def test_an_order_known_not_to_be_bought_does_not_stand_in_the_way(
        self, database: Database
    ) -> None:
        grant = await add_grant(database)
        claimed = await attempt(database, grant.id)
        async with database.transaction() as tx:
            await attempts.record_not_bought(tx, claimed, "no connection")
        await cancel(database, grant.id)
        assert await claim(database, grant.id) == Step(next=Next.REST)

    @pytest.mark.parametrize("state", [OrderState.UNKNOWN, OrderState.PENDING, OrderState.ISSUED])
    async def test_is_refused_while_a_card_may_exist(
        self, database: Database, state: OrderState
    ) -> None:
        grant = await add_grant(database)
        claimed = await attempt(database, grant.id)
        await record(database, claimed.order_id, snapshot(claimed, state, delivery="pending"))
        with pytest.raises(NotAllowedInState):
            await cancel(database, grant.id)
        assert (await one(database, Grant)).status != GrantStatus.CANCELLED
        await assert_books_agree(database)

    async def test_is_refused_once_delivered(self, database: Database) -> None:
        grant = await add_grant(database)
        await deliver(database, grant.id)
        with pytest.raises(NotAllowedInState, match="delivered"):
            await cancel(database, grant.id)

    async def test_racing_a_claim_never_leaves_a_cancelled_grant_with_an_order_under_way(
        self, database: Database
    ) -> None:
        for n in range(20):
            grant = await add_grant(database)
            ways = [claim(database, grant.id), cancel(database, grant.id)]
            claimed, _ = await asyncio.gather(
                *(ways if n % 2 else [ways[0], ways[1]]), return_exceptions=True
            )
            stored = await one(database, Grant, id=grant.id)
            if stored.status == GrantStatus.CANCELLED:
                assert not isinstance(claimed, Attempt), "cancelled, and about to be ordered"


class TestPark:
    async def test_says_why_once_however_often_it_is_tried(self, database: Database) -> None:
        grant = await add_grant(database)
        for _ in range(5):
            await park(database, grant.id, Attention.ORDER_REJECTED, "unknown product")
        assert len(await rows(database, Event, type="grant.order_rejected")) == 1
        grant = await one(database, Grant)
        assert (grant.status, grant.attention_detail) == ("needs_attention", "unknown product")
        assert (await one(database, Referral)).status == ReferralStatus.NEEDS_ATTENTION

    async def test_a_new_reason_is_told_anew(self, database: Database) -> None:
        grant = await add_grant(database)
        await park(database, grant.id, Attention.INSUFFICIENT_FUNDS)
        await park(database, grant.id, Attention.ORDER_REJECTED)
        assert len(await rows(database, Event, type="grant.order_rejected")) == 1
        assert (await one(database, Grant)).attention == Attention.ORDER_REJECTED

    async def test_leaves_a_grant_at_rest_alone(self, database: Database) -> None:
        grant = await add_grant(database)
        await deliver(database, grant.id)
        assert await park(database, grant.id, Attention.UNEXPECTED) == Step(next=Next.REST)
        assert (await one(database, Grant)).status == GrantStatus.DELIVERED

    async def test_something_unexpected_about_an_order_in_doubt_is_an_unknown_outcome(
        self, database: Database
    ) -> None:
        grant = await add_grant(database)
        await attempt(database, grant.id)
        step = await park(database, grant.id, Attention.UNEXPECTED)
        assert (step.attention, step.cancellable) == (Attention.OUTCOME_UNKNOWN, False)

    async def test_something_unexpected_without_an_order_can_be_cancelled(
        self, database: Database
    ) -> None:
        grant = await add_grant(database)
        step = await park(database, grant.id, Attention.UNEXPECTED)
        assert (step.attention, step.cancellable) == (Attention.UNEXPECTED, True)

    async def test_keeps_the_budget(self, database: Database) -> None:
        grant = await add_grant(database, gift_card(25_00))
        await park(database, grant.id, Attention.ORDER_REJECTED)
        assert (await one(database, Budget)).reserved == 25_00


class TestTakingUpAgain:
    async def test_a_new_attempt_clears_what_a_person_was_needed_for(
        self, database: Database
    ) -> None:
        grant = await add_grant(database)
        await park(database, grant.id, Attention.ORDER_REJECTED)
        await attempt(database, grant.id)
        grant = await one(database, Grant)
        assert (grant.status, grant.attention) == (GrantStatus.ORDERING, None)
        assert (await one(database, Referral)).status == ReferralStatus.FULFILLING

    @pytest.mark.parametrize(
        "cause", [Attention.INSUFFICIENT_FUNDS, Attention.PROVIDER_MISCONFIGURED]
    )
    async def test_a_cause_outside_stays_shown_until_an_order_gets_through(
        self, database: Database, cause: Attention
    ) -> None:
        grant = await add_grant(database)
        await park(database, grant.id, cause)
        claimed = await attempt(database, grant.id)
        assert (await one(database, Grant)).attention == cause
        await record(database, claimed.order_id, snapshot(claimed, OrderState.PENDING))
        grant = await one(database, Grant)
        assert (grant.status, grant.attention) == (GrantStatus.ORDERED, None)


class TestLane:
    async def stop(self, database: Database, probe_in: timedelta = PROBE_EVERY) -> None:
        async with database.transaction() as tx:
            cause = Attention.INSUFFICIENT_FUNDS
            await lanes.stop(tx, PROVIDER, cause, "the deposit is empty", probe_in)

    async def test_stopped_parks_the_next_order_unsent(self, database: Database) -> None:
        await self.stop(database)
        grant = await add_grant(database)
        step = await claim(database, grant.id)
        assert isinstance(step, Step)
        assert (step.next, step.attention) == (Next.ATTEND, Attention.INSUFFICIENT_FUNDS)
        assert step.after is not None
        assert timedelta(minutes=9) < step.after <= PROBE_EVERY
        assert await rows(database, Order) == []

    async def test_stopped_often_is_told_once(self, database: Database) -> None:
        await asyncio.gather(*(self.stop(database) for _ in range(5)))
        assert len(await rows(database, Event, type="lane.stopped")) == 1

    async def test_of_many_waiting_orders_one_probes(self, database: Database) -> None:
        waiting = [await add_grant(database) for _ in range(6)]
        await self.stop(database, timedelta(0))
        claims = await asyncio.gather(*(claim(database, grant.id) for grant in waiting))
        probes = [claimed for claimed in claims if isinstance(claimed, Attempt)]
        assert [probe.probes for probe in probes] == [True]

    async def test_reopened_lets_every_order_out(self, database: Database) -> None:
        await self.stop(database)
        async with database.transaction() as tx:
            await lanes.reopen(tx, PROVIDER)
        claimed = await attempt(database, (await add_grant(database)).id)
        assert not claimed.probes
        assert len(await rows(database, Event, type="lane.reopened")) == 1

    async def test_that_was_open_is_not_told_to_reopen(self, database: Database) -> None:
        async with database.transaction() as tx:
            await lanes.reopen(tx, PROVIDER)
        assert await rows(database, Event, type="lane.reopened") == []

    async def test_of_another_provider_holds_nothing_back(self, database: Database) -> None:
        async with database.transaction() as tx:
            cause = Attention.PROVIDER_MISCONFIGURED
            await lanes.stop(tx, "another", cause, "refused", PROBE_EVERY)
        await attempt(database, (await add_grant(database)).id)
        assert (await one(database, Lane)).provider == "another"

    async def test_stopped_does_not_hold_back_the_look_at_an_order_that_is_out(
        self, database: Database
    ) -> None:
        grant = await add_grant(database)
        claimed = await attempt(database, grant.id)
        await record(database, claimed.order_id, snapshot(claimed, OrderState.PENDING))
        await self.stop(database)
        assert await claim(database, grant.id) == Step(next=Next.FOLLOW)


class TestNoteRetry:
    async def test_leaves_a_line_with_who_and_why(self, database: Database) -> None:
        grant = await add_grant(database)
        await park(database, grant.id, Attention.RECIPIENT_INCOMPLETE)
        request = await asked(database, Action.RETRY, grant.id, "address mended")
        async with database.transaction() as tx:
            await grants.note_retry(tx, request, "referral:test")
        event = await one(database, Event, type="grant.retry")
        assert event.actor == "app_staff"
        assert await words_of(database, event) == "address mended"
        assert event.grant_id == grant.id


async def test_a_grant_that_was_parked_goes_through_its_whole_life(database: Database) -> None:
    grant = await add_grant(database)
    await park(database, grant.id, Attention.RECIPIENT_INCOMPLETE)
    claimed = await attempt(database, grant.id)
    await alter(database, await one(database, Order), claimed_until=None)
    await record(database, claimed.order_id, snapshot(claimed))
    types = [event.type for event in await rows(database, Event, grant_id=grant.id)]
    assert types == [
        "grant.created",
        "grant.recipient_incomplete",
        "order.issued",
        "grant.delivered",
    ]
    await assert_books_agree(database)
