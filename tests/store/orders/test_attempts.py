"""Orders: written down and claimed before a byte is sent, and what each outcome leaves."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select

from domain.customers import Address
from domain.grants import Attention, GrantStatus
from domain.messages import Next, Step
from domain.orders import OrderState, order_key
from domain.rewards import Delivery
from store.database import Database, now
from store.grants.order_keys import stem_of
from store.orders import attempts
from store.orders.attempts import Attempt, Busy, OpenOrder
from store.tables import Customer, Event, Grant, Order
from tests.builders import (
    PROVIDER,
    add_customer,
    add_grant,
    add_programme,
    alter,
    every_friend,
    gift_card,
    in_past,
    one,
    qualify,
    rows,
    terms,
)
from tests.ordering import HOOKS, LIFETIME, attempt, claim, record, snapshot

NO = timedelta(0)


async def not_bought(database: Database, of: Attempt) -> bool:
    async with database.transaction() as tx:
        return await attempts.record_not_bought(tx, of, "no connection")


async def unknown(database: Database, of: Attempt) -> bool:
    async with database.transaction() as tx:
        return await attempts.record_unknown(tx, of, "no answer within 20 s")


async def refused(database: Database, of: Attempt) -> bool:
    async with database.transaction() as tx:
        return await attempts.record_refused(tx, of, "unknown product")


class TestFirstClaim:
    async def test_writes_the_order_down_in_doubt_before_anything_is_sent(
        self, database: Database
    ) -> None:
        grant = await add_grant(database)
        claimed = await attempt(database, grant.id)
        order = await one(database, Order)
        assert (order.state, order.attempt, order.generation) == (OrderState.UNKNOWN, 1, 1)
        assert order.first_sent_at is not None
        assert order.claimed_until is not None
        assert order.claimed_until - order.first_sent_at == LIFETIME
        assert not claimed.in_doubt

    async def test_freezes_the_request_with_its_key_and_fingerprint(
        self, database: Database
    ) -> None:
        grant = await add_grant(database, gift_card(25_00))
        claimed = await attempt(database, grant.id)
        order = await one(database, Order)
        assert claimed.request.key == order.key == order_key(stem_of(grant), 1)
        assert order.fingerprint == claimed.request.fingerprint()
        assert (order.face_amount, order.currency) == (25_00, "USD")

    async def test_gives_the_provider_an_address_that_nobody_can_guess(
        self, database: Database
    ) -> None:
        first = await attempt(database, (await add_grant(database)).id)
        other = await attempt(database, (await add_grant(database)).id)
        url = first.request.callback_url or ""
        prefix = f"{HOOKS}/hooks/giftcard-partners/"
        assert url.startswith(prefix)
        assert len(url.removeprefix(prefix)) >= 43
        assert url != other.request.callback_url

    async def test_keeps_the_recipient_of_that_moment(self, database: Database) -> None:
        grant = await add_grant(database)
        customer = await one(database, Customer, id=grant.recipient_id)
        first = await attempt(database, grant.id, NO)
        await alter(database, customer, email="moved@example.com")
        again = await attempt(database, grant.id)
        assert again.request.recipient == first.request.recipient
        assert again.request.recipient.email == customer.email


class TestCompareAndSet:
    async def test_of_two_claimers_of_an_order_one_gets_it(self, database: Database) -> None:
        for _ in range(10):
            grant = await add_grant(database)
            first = await attempt(database, grant.id)
            await not_bought(database, first)
            claims = await asyncio.gather(claim(database, grant.id), claim(database, grant.id))
            assert sorted(type(c).__name__ for c in claims) == ["Attempt", "Busy"]

    async def test_of_two_claimers_of_a_grant_without_an_order_one_gets_it(
        self, database: Database
    ) -> None:
        for _ in range(10):
            grant = await add_grant(database)
            claims = await asyncio.gather(claim(database, grant.id), claim(database, grant.id))
            assert sorted(type(c).__name__ for c in claims) == ["Attempt", "Busy"]
            assert len(await rows(database, Order, grant_id=grant.id)) == 1

    async def test_of_ten_claimers_after_a_refusal_one_makes_the_next_generation(
        self, database: Database
    ) -> None:
        for _ in range(5):
            grant = await add_grant(database)
            await refused(database, await attempt(database, grant.id))
            claims = await asyncio.gather(*(claim(database, grant.id) for _ in range(10)))
            assert sorted(type(c).__name__ for c in claims) == ["Attempt"] + ["Busy"] * 9
            stored = await rows(database, Order, grant_id=grant.id)
            assert sorted(order.generation for order in stored) == [1, 2]

    async def test_a_second_claimer_waits_for_the_first_ones_claim_to_lapse(
        self, database: Database
    ) -> None:
        grant = await add_grant(database)
        await attempt(database, grant.id)
        busy = await claim(database, grant.id)
        assert isinstance(busy, Busy)
        assert timedelta(seconds=25) < busy.wait <= LIFETIME

    async def test_a_lapsed_claim_is_taken_over_in_doubt_under_the_same_key(
        self, database: Database
    ) -> None:
        grant = await add_grant(database)
        first = await attempt(database, grant.id, NO)
        second = await attempt(database, grant.id)
        assert (second.number, second.in_doubt) == (2, True)
        assert second.request == first.request
        assert second.first_sent_at == first.first_sent_at


class TestClock:
    """Claims run by the database's clock: a worker's own may be wrong."""

    @pytest.mark.parametrize("hours", [-1, 1])
    async def test_a_worker_whose_clock_is_wrong_takes_no_claim_that_holds(
        self, database: Database, monkeypatch: pytest.MonkeyPatch, hours: int
    ) -> None:
        grant = await add_grant(database)
        await attempt(database, grant.id)
        wrong = now() + timedelta(hours=hours)
        monkeypatch.setattr("store.database.now", lambda: wrong)
        busy = await claim(database, grant.id)
        assert isinstance(busy, Busy)
        assert timedelta(seconds=20) < busy.wait <= LIFETIME

    async def test_a_claim_made_by_a_slow_clock_holds_its_full_time(
        self, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        grant = await add_grant(database)
        wrong = now() - timedelta(hours=1)
        with monkeypatch.context() as patched:
            patched.setattr("store.database.now", lambda: wrong)
            await attempt(database, grant.id)
        assert isinstance(await claim(database, grant.id), Busy)


class TestLateAnswer:
    async def test_racing_a_claim_is_never_taken_back(self, database: Database) -> None:
        for n in range(30):
            grant = await add_grant(database)
            late = await attempt(database, grant.id, NO)
            ways = [
                claim(database, grant.id),
                record(database, late.order_id, snapshot(late)),
            ]
            await asyncio.gather(*(ways if n % 2 else reversed(ways)))
            assert (await one(database, Order, grant_id=grant.id)).state == OrderState.ISSUED
            assert await claim(database, grant.id) == Step(next=Next.REST)

    async def test_recorded_while_a_claim_waits_for_its_row_is_never_taken_back(
        self, database: Database
    ) -> None:
        grant = await add_grant(database)
        await attempt(database, grant.id, NO)
        async with database.transaction() as tx:
            await tx.session.execute(select(Grant).with_for_update())
            waiting = asyncio.create_task(claim(database, grant.id))
            await asyncio.sleep(0.3)
            order = (await tx.session.scalars(select(Order))).one()
            order.state, order.claimed_until = OrderState.ISSUED, None
        assert not isinstance(await waiting, Attempt)
        assert (await one(database, Order, grant_id=grant.id)).state == OrderState.ISSUED


class TestStaleAttempt:
    @pytest.mark.parametrize("outcome", [not_bought, unknown, refused])
    async def test_its_outcome_counts_no_more(self, database: Database, outcome) -> None:
        grant = await add_grant(database)
        stale = await attempt(database, grant.id, NO)
        await attempt(database, grant.id)
        before = await one(database, Order)
        assert await outcome(database, stale) is False
        after = await one(database, Order)
        assert after == before
        assert [e for e in await rows(database, Event) if e.type.startswith("order.")] == []

    @pytest.mark.parametrize("outcome", [not_bought, unknown, refused])
    async def test_its_outcome_does_not_undo_an_issued_card(
        self, database: Database, outcome
    ) -> None:
        grant = await add_grant(database)
        claimed = await attempt(database, grant.id)
        await record(database, claimed.order_id, snapshot(claimed))
        assert await outcome(database, claimed) is False
        assert (await one(database, Order)).state == OrderState.ISSUED


class TestNotBought:
    async def test_an_order_never_in_doubt_is_prepared_again(self, database: Database) -> None:
        grant = await add_grant(database)
        assert await not_bought(database, await attempt(database, grant.id))
        order = await one(database, Order)
        assert (order.state, order.claimed_until) == (OrderState.PREPARED, None)

    async def test_an_order_in_doubt_stays_in_doubt(self, database: Database) -> None:
        grant = await add_grant(database)
        await unknown(database, await attempt(database, grant.id))
        second = await attempt(database, grant.id)
        assert second.in_doubt
        await not_bought(database, second)
        assert (await one(database, Order)).state == OrderState.UNKNOWN

    async def test_a_refusal_is_recorded_with_the_attempt_s_number(
        self, database: Database
    ) -> None:
        grant = await add_grant(database)
        await not_bought(database, await attempt(database, grant.id))
        await not_bought(database, await attempt(database, grant.id))
        told = await rows(database, Event, type="order.prepared")
        assert [(e.attempt, e.detail) for e in told] == [(1, "no connection"), (2, "no connection")]


class TestGenerations:
    async def test_a_new_one_follows_a_recorded_refusal(self, database: Database) -> None:
        grant = await add_grant(database)
        first = await attempt(database, grant.id)
        await refused(database, first)
        second = await attempt(database, grant.id)
        assert second.request.key != first.request.key
        assert (second.number, second.in_doubt) == (1, False)
        states = [(o.generation, o.state) for o in await rows(database, Order)]
        assert states == [(1, OrderState.FAILED), (2, OrderState.UNKNOWN)]

    @pytest.mark.parametrize("ended", [OrderState.FAILED, OrderState.CANCELLED])
    async def test_a_new_one_follows_an_order_that_the_provider_ended(
        self, database: Database, ended: OrderState
    ) -> None:
        grant = await add_grant(database)
        first = await attempt(database, grant.id)
        await record(database, first.order_id, snapshot(first, ended))
        second = await attempt(database, grant.id)
        assert second.request.key != first.request.key

    @pytest.mark.parametrize("outcome", [not_bought, unknown])
    async def test_none_follows_anything_less(self, database: Database, outcome) -> None:
        grant = await add_grant(database)
        first = await attempt(database, grant.id)
        await outcome(database, first)
        second = await attempt(database, grant.id)
        assert second.request.key == first.request.key
        assert len(await rows(database, Order)) == 1

    @pytest.mark.parametrize("open_state", [OrderState.PENDING, OrderState.ISSUED])
    async def test_none_is_ordered_while_the_provider_has_one(
        self, database: Database, open_state: OrderState
    ) -> None:
        grant = await add_grant(database)
        first = await attempt(database, grant.id)
        said = snapshot(first, open_state, delivery="pending")
        await record(database, first.order_id, said)
        assert await claim(database, grant.id) == Step(next=Next.FOLLOW)

    async def test_a_new_one_takes_the_customers_address_of_today(self, database: Database) -> None:
        grant = await add_grant(database)
        await refused(database, await attempt(database, grant.id))
        customer = await one(database, Customer, id=grant.recipient_id)
        await alter(database, customer, email="right@example.com")
        assert (await attempt(database, grant.id)).request.recipient.email == "right@example.com"


class TestAtRest:
    @pytest.mark.parametrize(
        "status", [GrantStatus.DELIVERED, GrantStatus.CANCELLED, GrantStatus.FAILED]
    )
    async def test_a_grant_at_rest_orders_nothing(
        self, database: Database, status: GrantStatus
    ) -> None:
        grant = await add_grant(database)
        await alter(database, grant, status=status)
        assert await claim(database, grant.id) == Step(next=Next.REST)
        assert await rows(database, Order) == []


class TestRecipient:
    @pytest.mark.parametrize(
        ("delivery", "lacking"),
        [
            (Delivery.EMAIL, {"email": None}),
            (Delivery.SMS, {"phone": None}),
            (Delivery.POST, {"address": None}),
            (Delivery.POST, {"address": {"city": "Springfield"}}),
        ],
    )
    async def test_without_the_address_that_the_delivery_needs_the_grant_is_parked(
        self, database: Database, delivery: Delivery, lacking: dict[str, object]
    ) -> None:
        grant = await add_grant(database, gift_card(delivery=delivery))
        await alter(database, await one(database, Customer, id=grant.recipient_id), **lacking)
        step = await claim(database, grant.id)
        assert isinstance(step, Step)
        assert (step.next, step.attention) == (Next.ATTEND, Attention.RECIPIENT_INCOMPLETE)
        assert step.cancellable
        assert await rows(database, Order) == []
        parked = await one(database, Grant, id=grant.id)
        assert (parked.status, parked.attention) == ("needs_attention", "recipient_incomplete")

    async def test_a_link_needs_no_address(self, database: Database) -> None:
        grant = await add_grant(database, gift_card(delivery=Delivery.LINK))
        person = await one(database, Customer, id=grant.recipient_id)
        await alter(database, person, email=None, phone=None, address=None)
        assert isinstance(await claim(database, grant.id), Attempt)

    async def test_once_the_address_is_there_the_order_goes_out(self, database: Database) -> None:
        grant = await add_grant(database)
        person = await one(database, Customer, id=grant.recipient_id)
        await alter(database, person, email=None)
        await claim(database, grant.id)
        await alter(database, person, email="found@example.com")
        claimed = await attempt(database, grant.id)
        assert claimed.request.recipient.email == "found@example.com"
        grant = await one(database, Grant, id=grant.id)
        assert (grant.status, grant.attention) == (GrantStatus.ORDERING, None)

    async def test_a_postal_address_is_as_frozen_when_it_is_sent_again(
        self, database: Database
    ) -> None:
        """PostgreSQL keeps an object's members in an order of its own."""
        grant = await add_grant(database, gift_card(delivery=Delivery.POST))
        person = await one(database, Customer, id=grant.recipient_id)
        address = {"postal_code": "62701", "line_1": "1 Main Street", "city": "Springfield"}
        await alter(database, person, address=address)
        await not_bought(database, await attempt(database, grant.id))
        assert isinstance(await claim(database, grant.id), Attempt)

    async def test_the_whole_postal_address_is_frozen(self, database: Database) -> None:
        of = terms(every_friend(gift_card(delivery=Delivery.POST)), referee_reward=None)
        programme = await add_programme(database, of)
        address = Address(line_1="1 Main St", city="Springfield", state="IL", postal_code="62701")
        await add_customer(database, address=address)
        decision = await qualify(database, programme.code)
        claimed = await attempt(database, decision.grants[0].grant_id)
        assert claimed.request.recipient.address is not None
        assert claimed.request.recipient.address["city"] == "Springfield"


class TestOpenOrder:
    async def test_is_what_the_provider_has_named(self, database: Database) -> None:
        grant = await add_grant(database)
        claimed = await attempt(database, grant.id)
        await record(database, claimed.order_id, snapshot(claimed, OrderState.PENDING))
        found = await attempts.open_order(database, grant.id)
        named = (claimed.order_id, PROVIDER, f"provider-{claimed.order_id}")
        assert found == OpenOrder(*named, currency="USD", by_link=False)

    async def test_tells_a_card_by_link(self, database: Database) -> None:
        grant = await add_grant(database, gift_card(delivery="link"))
        claimed = await attempt(database, grant.id)
        await record(database, claimed.order_id, snapshot(claimed, OrderState.PENDING))
        found = await attempts.open_order(database, grant.id)
        assert found is not None
        assert found.by_link

    async def test_is_none_before_the_provider_has_answered(self, database: Database) -> None:
        grant = await add_grant(database)
        assert await attempts.open_order(database, grant.id) is None
        await attempt(database, grant.id)
        assert await attempts.open_order(database, grant.id) is None

    async def test_is_never_an_older_generation(self, database: Database) -> None:
        grant = await add_grant(database)
        first = await attempt(database, grant.id)
        await record(database, first.order_id, snapshot(first, OrderState.FAILED))
        await attempt(database, grant.id)
        assert await attempts.open_order(database, grant.id) is None


class TestConstraints:
    async def test_no_two_orders_share_a_key(self, database: Database) -> None:
        first = await attempt(database, (await add_grant(database)).id)
        other = await attempt(database, (await add_grant(database)).id)
        order = await one(database, Order, id=other.order_id)
        with pytest.raises(Exception, match="uq_orders_key"):
            await alter(database, order, key=first.request.key)

    async def test_no_two_orders_share_a_providers_order(self, database: Database) -> None:
        first = await attempt(database, (await add_grant(database)).id)
        other = await attempt(database, (await add_grant(database)).id)
        await record(database, first.order_id, snapshot(first))
        order = await one(database, Order, id=other.order_id)
        with pytest.raises(Exception, match="uq_orders_provider"):
            await alter(database, order, provider_order_id=f"provider-{first.order_id}")

    async def test_no_word_outside_the_axes_is_stored(self, database: Database) -> None:
        await attempt(database, (await add_grant(database)).id)
        with pytest.raises(Exception, match="ck_orders_state"):
            await alter(database, await one(database, Order), state="lost")

    async def test_a_grant_is_made_once(self, database: Database) -> None:
        grant = await add_grant(database)
        twin = Grant(**grant.model_dump() | {"id": "gr_twin"})
        with pytest.raises(Exception, match="ux_grants_friend"):
            async with database.transaction() as tx:
                tx.session.add(twin)


class TestClaimsAge:
    async def test_first_sent_at_is_never_moved(self, database: Database) -> None:
        grant = await add_grant(database)
        await attempt(database, grant.id, NO)
        long_ago = in_past(days=2)
        await alter(database, await one(database, Order), first_sent_at=long_ago)
        again = await attempt(database, grant.id)
        assert again.first_sent_at == long_ago
