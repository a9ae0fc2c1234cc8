"""Placing and following orders: each outcome, what it leaves behind, and what comes next. The
judge is the provider's own book: never more than one card for a grant."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.purchase import Purchase
from domain.grants import Attention, GrantStatus
from domain.messages import Next, Step
from domain.orders import ClaimSecret, DeliveryState, OrderRequest, OrderState
from domain.rewards import Delivery
from store.database import Database
from store.health import double_orders
from store.orders import attempts
from store.orders.attempts import Attempt
from store.tables import ClaimLink, Customer, Event, Grant, Lane, Order
from tests.activities.lane_under_test import HURRIED, TIMING, LaneUnderTest, Provider, adapter_at
from tests.auditing import assert_books_agree
from tests.builders import add_customer, add_grant, alter, gift_card, in_past, one, rows
from tests.ordering import VAULT


async def again(lane: LaneUnderTest, grant_id: str, attempt: int = 1) -> ApplicationError:
    """An attempt that asks for another one."""
    with pytest.raises(ApplicationError) as asked:
        await lane.place(grant_id, attempt)
    assert asked.value.type == "TryAgain"
    return asked.value


class TestAccepted:
    async def test_the_card_stands_in_the_book_once_and_the_order_is_followed(
        self, database: Database, lane: LaneUnderTest, provider: Provider
    ) -> None:
        grant = await add_grant(database, gift_card(25_00))
        step = await lane.place(grant.id)
        assert step.next is Next.FOLLOW
        order, (card,) = await lane.order(grant.id), await provider.book()
        assert (card["key"], card["amount"], card["currency"]) == (order.key, 25_00, "USD")
        assert card["provider_order_id"] == order.provider_order_id
        assert order.state == OrderState.PENDING
        assert (await lane.grant(grant.id)).status == GrantStatus.ORDERED
        assert await lane.told(grant.id) == ["order.pending"]
        assert await provider.asked() == 1

    async def test_asked_again_it_sends_nothing(
        self, database: Database, lane: LaneUnderTest, provider: Provider
    ) -> None:
        grant = await add_grant(database)
        await lane.place(grant.id)
        assert await lane.place(grant.id) == Step(next=Next.FOLLOW)
        assert await provider.asked() == 1

    async def test_the_workflow_that_carries_the_grant_is_noted(
        self, database: Database, lane: LaneUnderTest
    ) -> None:
        grant = await add_grant(database)
        await lane.place(grant.id)
        assert (await lane.grant(grant.id)).workflow_id == "test"

    async def test_a_grant_at_rest_is_left_alone(
        self, database: Database, lane: LaneUnderTest, provider: Provider
    ) -> None:
        grant = await add_grant(database)
        await alter(database, grant, status=GrantStatus.CANCELLED)
        assert await lane.place(grant.id) == Step(next=Next.REST)
        assert await provider.asked() == 0


class TestParked:
    async def test_without_the_recipients_address_nothing_is_sent(
        self, database: Database, lane: LaneUnderTest, provider: Provider
    ) -> None:
        grant = await add_grant(database)
        await alter(database, await one(database, Customer, id=grant.recipient_id), email=None)
        step = await lane.place(grant.id)
        assert (step.next, step.attention) == (Next.ATTEND, Attention.RECIPIENT_INCOMPLETE)
        assert await provider.asked() == 0

    async def test_an_empty_deposit_parks_the_grant_and_stops_the_lane(
        self, database: Database, lane: LaneUnderTest, provider: Provider
    ) -> None:
        await provider.put("funds", provider="giftcard-partners", amount=1)
        grant = await add_grant(database)
        step = await lane.place(grant.id)
        assert (step.next, step.attention) == (Next.ATTEND, Attention.INSUFFICIENT_FUNDS)
        assert (step.after, step.cancellable) == (TIMING.resume, True)
        assert (await lane.order(grant.id)).state == OrderState.PREPARED
        assert await lane.told(grant.id) == ["order.prepared", "grant.insufficient_funds"]
        assert (await one(database, Lane)).attention == Attention.INSUFFICIENT_FUNDS
        assert await provider.book() == []

    async def test_a_thousand_orders_behind_it_are_not_each_refused(
        self, database: Database, lane: LaneUnderTest, provider: Provider
    ) -> None:
        await provider.put("funds", provider="giftcard-partners", amount=1)
        waiting = [await add_grant(database) for _ in range(4)]
        for grant in waiting:
            step = await lane.place(grant.id)
            assert step.attention is Attention.INSUFFICIENT_FUNDS
        assert await provider.asked() == 1

    async def test_once_funded_the_same_key_goes_through_and_the_lane_opens(
        self, database: Database, lane: LaneUnderTest, provider: Provider
    ) -> None:
        await provider.put("funds", provider="giftcard-partners", amount=1)
        grant, soon = await add_grant(database), timedelta(seconds=0.5)
        resuming = lane.timed(replace(TIMING, resume=soon))
        await resuming.place(grant.id)
        key = (await lane.order(grant.id)).key
        await provider.put("funds", provider="giftcard-partners", amount=1_000_00)
        await asyncio.sleep(soon.total_seconds())
        assert (await resuming.place(grant.id)).next is Next.FOLLOW
        assert [card["key"] for card in await provider.book()] == [key]
        assert await rows(database, Lane) == []
        assert (await lane.grant(grant.id)).attention is None

    @pytest.mark.parametrize("status", [401, 403])
    async def test_a_refused_credential_parks_the_grant_and_stops_the_lane(
        self, database: Database, lane: LaneUnderTest, provider: Provider, status: int
    ) -> None:
        await provider.put("credentials", accept=False, status=status)
        grant = await add_grant(database)
        step = await lane.place(grant.id)
        assert (step.next, step.attention) == (Next.ATTEND, Attention.PROVIDER_MISCONFIGURED)
        assert (step.after, step.cancellable) == (TIMING.resume, True)
        assert (await lane.order(grant.id)).state == OrderState.PREPARED
        assert (await one(database, Lane)).attention == Attention.PROVIDER_MISCONFIGURED

    async def test_a_definite_refusal_ends_the_order_and_waits_for_a_person(
        self, database: Database, lane: LaneUnderTest, provider: Provider
    ) -> None:
        grant = await add_grant(database, gift_card(product_id="NO-SUCH"))
        step = await lane.place(grant.id)
        assert (step.next, step.attention) == (Next.ATTEND, Attention.ORDER_REJECTED)
        assert (step.after, step.cancellable) == (None, True)
        assert (await lane.order(grant.id)).state == OrderState.FAILED
        assert await lane.told(grant.id) == ["order.failed", "grant.order_rejected"]
        parked = await lane.grant(grant.id)
        assert parked.attention_detail == "the provider refused the order: Unknown product."
        await assert_books_agree(database)

    async def test_after_a_definite_refusal_a_new_generation_makes_the_one_card(
        self, database: Database, lane: LaneUnderTest, provider: Provider
    ) -> None:
        grant = await add_grant(database, gift_card(product_id="NO-SUCH"))
        await lane.place(grant.id)
        await alter(database, grant, reward=gift_card().model_dump(mode="json"))
        assert (await lane.place(grant.id)).next is Next.FOLLOW
        order, (card,) = await lane.order(grant.id), await provider.book()
        assert (order.generation, order.key) == (2, card["key"])


class TestAgain:
    async def test_too_many_requests_leave_the_order_prepared(
        self, database: Database, lane: LaneUnderTest, provider: Provider
    ) -> None:
        await provider.put("rate", per_second=0.0001)
        grant = await add_grant(database)
        await again(lane, grant.id)
        assert (await lane.order(grant.id)).state == OrderState.PREPARED
        assert await lane.told(grant.id) == ["order.prepared"]
        assert await provider.book() == []

    async def test_a_provider_that_cannot_be_reached_leaves_the_order_prepared(
        self, database: Database, lane: LaneUnderTest, provider: Provider
    ) -> None:
        grant = await add_grant(database)
        nowhere = adapter_at("http://127.0.0.1:9")
        unreachable = LaneUnderTest(database, replace(lane.parts, provider=nowhere))
        assert "no connection" in str(await again(unreachable, grant.id))
        await nowhere.close()
        assert (await lane.order(grant.id)).state == OrderState.PREPARED
        assert (await lane.place(grant.id, attempt=2)).next is Next.FOLLOW
        assert len(await provider.book()) == 1

    @pytest.mark.parametrize(
        ("fault", "cards"),
        [
            ("drop_before", 0),
            ("error_before", 0),
            ("drop_after", 1),
            ("error_after", 1),
            ("garbage", 1),
            ("slow", 1),
        ],
    )
    async def test_an_unknown_outcome_is_resolved_under_the_same_key(
        self,
        database: Database,
        lane: LaneUnderTest,
        provider: Provider,
        fault: str,
        cards: int,
    ) -> None:
        grant, hurried = await add_grant(database), lane.timed(HURRIED)
        await provider.fail(**{fault: 1})
        await again(hurried if fault == "slow" else lane, grant.id)
        order = await lane.order(grant.id)
        assert (order.state, order.claimed_until) == (OrderState.UNKNOWN, None)
        assert await lane.told(grant.id) == ["order.unknown"]
        assert len(await provider.book()) == cards
        await provider.fail()
        assert (await lane.place(grant.id, attempt=2)).next is Next.FOLLOW
        (card,) = await provider.book()
        adopted = await lane.order(grant.id)
        assert (adopted.state, adopted.attempt) == (OrderState.PENDING, 2)
        assert (adopted.key, adopted.provider_order_id) == (card["key"], card["provider_order_id"])
        await assert_books_agree(database)

    async def test_many_lost_answers_in_a_row_still_make_one_card(
        self, database: Database, lane: LaneUnderTest, provider: Provider
    ) -> None:
        grant = await add_grant(database)
        await provider.fail(drop_after=1)
        for attempt in range(1, 6):
            await again(lane, grant.id, attempt)
        await provider.fail()
        await lane.place(grant.id, attempt=6)
        assert len(await provider.book()) == 1
        numbers = [e.attempt for e in await rows(database, Event, type="order.unknown")]
        assert numbers == [1, 2, 3, 4, 5]

    async def test_an_order_in_doubt_that_is_then_refused_and_nowhere_to_be_found_has_failed(
        self, database: Database, lane: LaneUnderTest, provider: Provider
    ) -> None:
        grant = await add_grant(database, gift_card(product_id="NO-SUCH"))
        await provider.fail(drop_before=1)
        await again(lane, grant.id)
        await provider.fail()
        for attempt in (2, 3):
            # Once is not enough: the unanswered request could still arrive.
            asked = await again(lane, grant.id, attempt)
            assert asked.next_retry_delay is not None
            assert asked.next_retry_delay >= timedelta(seconds=8)
            assert (await lane.order(grant.id)).state == OrderState.UNKNOWN
        order = await lane.order(grant.id)
        await alter(database, order, absent_since=in_past(seconds=TIMING.claim.total_seconds() + 1))
        step = await lane.place(grant.id, attempt=4)
        assert step.attention is Attention.ORDER_REJECTED
        assert (await lane.order(grant.id)).state == OrderState.FAILED

    async def test_an_earlier_request_that_arrives_after_a_refusal_is_found_and_no_other_is_sent(
        self, database: Database, lane: LaneUnderTest, provider: Provider
    ) -> None:
        grant = await add_grant(database, gift_card(600_00))
        await provider.fail(drop_before=1)
        await again(lane, grant.id)
        await provider.fail()
        await again(lane, grant.id, 2)
        order = await lane.order(grant.id)
        late = {"key": order.key, "amount": order.face_amount, "currency": order.currency}
        await provider.tamper(add=[late])
        await lane.place(grant.id, attempt=3)
        assert (await lane.order(grant.id)).state == OrderState.ISSUED
        assert len(await provider.book()) == 1

    async def test_searches_before_another_unanswered_request_prove_nothing(
        self, database: Database, lane: LaneUnderTest, provider: Provider
    ) -> None:
        grant = await add_grant(database, gift_card(product_id="NO-SUCH"))
        for rates in ({"drop_before": 1}, {}, {"drop_before": 1}):
            await provider.fail(**rates)
            await again(lane, grant.id)
        assert (await lane.order(grant.id)).absent_since is None

    async def test_an_order_in_doubt_that_meets_an_empty_deposit_stays_in_doubt(
        self, database: Database, lane: LaneUnderTest, provider: Provider
    ) -> None:
        grant = await add_grant(database)
        await provider.fail(drop_before=1)
        await again(lane, grant.id)
        await provider.fail()
        await provider.put("funds", provider="giftcard-partners", amount=1)
        step = await lane.place(grant.id, attempt=2)
        assert (step.attention, step.cancellable) == (Attention.INSUFFICIENT_FUNDS, False)
        assert (await lane.order(grant.id)).state == OrderState.UNKNOWN

    async def test_each_retry_waits_longer_up_to_the_longest_delay(
        self, database: Database, lane: LaneUnderTest, provider: Provider
    ) -> None:
        grant = await add_grant(database)
        await provider.fail(drop_before=1)
        delays = []
        for attempt in (1, 2, 3, 12):
            asked = await again(lane, grant.id, attempt)
            assert asked.category is ApplicationErrorCategory.BENIGN
            assert asked.next_retry_delay is not None
            delays.append(asked.next_retry_delay.total_seconds())
        assert 0.8 <= delays[0] <= 1.2
        assert delays == sorted(delays)
        assert delays[-1] <= TIMING.longest_delay.total_seconds()

    async def test_a_retry_contains_no_personal_data(
        self, database: Database, lane: LaneUnderTest, provider: Provider
    ) -> None:
        grant = await add_grant(database)
        await provider.fail(error_after=1)
        asked = await again(lane, grant.id)
        assert "@example.com" not in str(asked)
        assert "@example.com" not in str(await rows(database, Event))


class TestTwoOrdersUnderOneKey:
    async def test_are_an_incident_with_both_of_them_and_nothing_more_is_sent(
        self,
        database: Database,
        lane: LaneUnderTest,
        provider: Provider,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        # A provider at which an order in doubt is looked for instead of being sent again.
        adapter = lane.parts.provider
        looks = adapter.capabilities.model_copy(update={"most_repeats": 0})
        monkeypatch.setattr(adapter, "capabilities", looks)
        grant = await add_grant(database)
        await provider.fail(drop_before=1)
        await again(lane, grant.id)
        await provider.fail()
        order, asked = await lane.order(grant.id), await provider.asked()
        stray = {"key": order.key, "amount": order.face_amount, "currency": order.currency}
        await provider.tamper(add=[stray, stray])
        step = await lane.place(grant.id, attempt=2)
        assert (step.attention, step.after, step.cancellable) == (
            Attention.KEY_CONFLICT,
            None,
            False,
        )
        ids = sorted(str(card["provider_order_id"]) for card in await provider.book())
        event = await one(database, Event, type="incident.double_order")
        assert event.data["provider_order_ids"] == ids
        assert event.data["key"] == order.key
        parked = await lane.grant(grant.id)
        assert parked.attention_detail is not None
        assert all(each in parked.attention_detail for each in ids)
        async with database.reading() as session:
            assert await double_orders(session) == 1
        await lane.place(grant.id, attempt=3)
        assert len(await rows(database, Event, type="incident.double_order")) == 1
        assert await provider.asked() == asked


class TestKeyConflict:
    async def test_another_amount_under_our_key_waits_for_a_person(
        self, database: Database, lane: LaneUnderTest, provider: Provider
    ) -> None:
        grant = await add_grant(database)
        await provider.fail(drop_after=1)
        await again(lane, grant.id)
        await provider.fail()
        key = (await lane.order(grant.id)).key
        await provider.tamper(change=[{"key": key, "amount": 99_00}])
        step = await lane.place(grant.id, attempt=2)
        assert (step.attention, step.cancellable) == (Attention.KEY_CONFLICT, False)
        assert step.after is None
        assert (await lane.order(grant.id)).state == OrderState.UNKNOWN
        assert len(await provider.book()) == 1

    async def test_another_product_under_our_key_waits_for_a_person(
        self, database: Database, lane: LaneUnderTest, provider: Provider
    ) -> None:
        """The same amount: only the product tells it from ours."""
        grant = await add_grant(database, gift_card(25_00, product_id="AMAZON"))
        await provider.fail(drop_after=1)
        await again(lane, grant.id)
        await provider.fail()
        await _freeze_as(database, await lane.order(grant.id), product_id="CVS")
        step = await lane.place(grant.id, attempt=2)
        assert (step.attention, step.cancellable) == (Attention.KEY_CONFLICT, False)
        assert (await lane.grant(grant.id)).attention_detail == (
            "the order under our key is for AMAZON, not CVS"
        )
        assert len(await provider.book()) == 1


async def _freeze_as(database: Database, order: Order, **changes: Any) -> None:
    """As if the order had been frozen with these members from the beginning."""
    assert order.request is not None
    request = OrderRequest.model_validate(order.request | changes)
    frozen = {"request": request.model_dump(mode="json"), "fingerprint": request.fingerprint()}
    await alter(database, order, **frozen)


class TestFrozen:
    """A key is sent with the contents that were frozen with it, or not at all."""

    async def test_changed_before_it_was_sent_it_is_not_sent_and_can_be_cancelled(
        self, database: Database, lane: LaneUnderTest, provider: Provider
    ) -> None:
        grant = await add_grant(database)
        await provider.put("rate", per_second=1e-9)
        for attempt in (1, 2):
            await again(lane, grant.id, attempt)
        await provider.put("rate", per_second=None)
        asked, order = await provider.asked(), await lane.order(grant.id)
        assert (order.state, order.request) != (OrderState.UNKNOWN, None)
        await alter(database, order, request=(order.request or {}) | {"product_id": "AMAZON"})
        step = await lane.place(grant.id, attempt=3)
        assert (step.attention, step.cancellable) == (Attention.UNEXPECTED, True)
        assert await provider.asked() == asked
        assert await provider.book() == []

    async def test_changed_while_in_doubt_it_waits_for_a_person(
        self, database: Database, lane: LaneUnderTest, provider: Provider
    ) -> None:
        grant = await add_grant(database)
        await provider.fail(drop_after=1)
        await again(lane, grant.id)
        await provider.fail()
        asked, order = await provider.asked(), await lane.order(grant.id)
        await alter(database, order, request=(order.request or {}) | {"product_id": "AMAZON"})
        step = await lane.place(grant.id, attempt=2)
        assert (step.attention, step.cancellable) == (Attention.KEY_CONFLICT, False)
        assert await provider.asked() == asked
        assert (await lane.order(grant.id)).state == OrderState.UNKNOWN


class TestOneSender:
    async def test_two_workers_at_once_send_one_request(
        self, database: Database, lane: LaneUnderTest, provider: Provider
    ) -> None:
        grant = await add_grant(database)
        # The one that sends is held until the other has come to its end.
        await provider.put("hold", point="received", count=1)
        workers = [asyncio.create_task(lane.place(grant.id)) for _ in range(2)]
        await provider.holding()
        await asyncio.wait(workers, return_when=asyncio.FIRST_COMPLETED)
        await provider.put("hold", point=None)
        outcomes = await asyncio.gather(*workers, return_exceptions=True)
        assert sorted(type(o).__name__ for o in outcomes) == ["ApplicationError", "Step"]
        assert await provider.asked() == 1

    async def test_a_successor_waits_while_the_provider_holds_the_first_request(
        self, database: Database, lane: LaneUnderTest, provider: Provider
    ) -> None:
        grant = await add_grant(database)
        await provider.put("hold", point="received", count=1)
        first = asyncio.create_task(lane.place(grant.id))
        await provider.holding()
        asked = await again(lane, grant.id)
        assert "another attempt holds the order" in str(asked)
        await provider.put("hold", point=None)
        assert (await first).next is Next.FOLLOW
        assert await provider.asked() == 1

    @pytest.mark.parametrize("point", ["received", "committed"])
    async def test_a_worker_that_dies_leaves_an_order_in_doubt_that_its_successor_resolves(
        self, database: Database, lane: LaneUnderTest, provider: Provider, point: str
    ) -> None:
        grant = await add_grant(database)
        await provider.put("hold", point=point, count=1)
        dying = asyncio.create_task(lane.timed(HURRIED).place(grant.id))
        await provider.holding()
        dying.cancel()
        with pytest.raises(asyncio.CancelledError):
            await dying
        await again(lane, grant.id, attempt=2)
        await provider.put("hold", point=None)
        await asyncio.sleep(HURRIED.claim.total_seconds())
        assert (await lane.place(grant.id, attempt=3)).next is Next.FOLLOW
        (card,) = await provider.book()
        assert card["key"] == (await lane.order(grant.id)).key

    async def test_an_attempt_that_was_held_up_until_its_claim_lapsed_does_not_send(
        self, database: Database, lane: LaneUnderTest, provider: Provider
    ) -> None:
        grant = await add_grant(database)
        margin = (HURRIED.claim - HURRIED.attempt).total_seconds()
        async with database.transaction() as tx:
            await tx.session.execute(select(Grant).with_for_update())
            held_up = asyncio.create_task(again(lane.timed(HURRIED), grant.id))
            await asyncio.sleep(1.5 * margin)
        assert "almost lapsed" in str(await held_up)
        assert await provider.asked() == 0
        assert (await lane.order(grant.id)).state == OrderState.PREPARED

    async def test_an_attempt_that_slept_through_its_claim_does_not_send_beside_its_successor(
        self, database: Database, lane: LaneUnderTest, provider: Provider
    ) -> None:
        grant = await add_grant(database)
        loop = asyncio.get_running_loop()
        async with database.transaction() as tx:
            sleeper = await attempts.claim(
                tx,
                "giftcard-partners",
                grant.id,
                lifetime=HURRIED.claim,
                probe_every=TIMING.resume,
                hooks="http://127.0.0.1:9",
                carrier="test",
            )
        assert isinstance(sleeper, Attempt)
        claimed_at = loop.time()
        await asyncio.sleep(HURRIED.claim.total_seconds())
        assert (await lane.place(grant.id, attempt=2)).next is Next.FOLLOW

        async def wake() -> Step:
            return await Purchase(lane.timed(HURRIED).parts, sleeper, claimed_at).run()

        with pytest.raises(ApplicationError, match="almost lapsed"):
            await lane._environment(1).run(wake)
        assert await provider.asked() == 1
        assert (await lane.order(grant.id)).state == OrderState.PENDING

    async def test_forty_orders_through_every_fault_make_forty_cards(
        self, database: Database, lane: LaneUnderTest, provider: Provider
    ) -> None:
        await provider.fail(
            seed=7, drop_before=0.1, error_before=0.1, drop_after=0.2, error_after=0.1, garbage=0.1
        )
        grants = [await add_grant(database, gift_card(1_00 + n)) for n in range(40)]
        await asyncio.gather(*(lane.place_at_last(grant.id) for grant in grants))
        book = await provider.book()
        stored = [await lane.order(grant.id) for grant in grants]
        assert sorted((card["key"], card["amount"]) for card in book) == sorted(
            (order.key, order.face_amount) for order in stored
        )
        assert {order.generation for order in stored} == {1}
        assert await provider.asked() > 40
        await assert_books_agree(database)


class TestCheckOrder:
    async def test_a_grant_without_an_order_is_ordered_next(
        self, database: Database, lane: LaneUnderTest
    ) -> None:
        grant = await add_grant(database)
        assert await lane.check(grant.id) == Step(next=Next.ORDER)

    async def test_a_completed_order_is_delivered_and_spent(
        self, database: Database, lane: LaneUnderTest, provider: Provider
    ) -> None:
        grant = await add_grant(database, gift_card(25_00))
        await lane.place(grant.id)
        await provider.deliver()
        assert (await lane.check_until(grant.id, GrantStatus.DELIVERED)).next is Next.REST
        order, (card,) = await lane.order(grant.id), await provider.book()
        assert (order.state, order.delivery_state) == (OrderState.ISSUED, DeliveryState.SENT)
        assert card["state"] == "issued"
        assert await lane.told(grant.id) == ["order.pending", "order.issued", "grant.delivered"]
        await assert_books_agree(database)

    async def test_once_delivered_another_look_changes_nothing(
        self, database: Database, lane: LaneUnderTest, provider: Provider
    ) -> None:
        grant = await add_grant(database)
        await lane.place(grant.id)
        await provider.deliver()
        await lane.check_until(grant.id, GrantStatus.DELIVERED)
        told = await lane.told(grant.id)
        assert (await lane.check(grant.id)).next is Next.REST
        assert await lane.told(grant.id) == told

    async def test_a_pending_order_is_looked_at_again_later(
        self, database: Database, lane: LaneUnderTest
    ) -> None:
        grant = await add_grant(database)
        await lane.place(grant.id)
        step = await lane.check(grant.id)
        assert step.next is Next.FOLLOW
        assert step.after is not None

    async def test_an_unknown_word_is_told_and_followed(
        self, database: Database, lane: LaneUnderTest, provider: Provider
    ) -> None:
        grant = await add_grant(database)
        await lane.place(grant.id)
        await provider.deliver("Marinating")
        while (await lane.order(grant.id)).raw_status == "Pending":
            assert (await lane.check(grant.id)).next is Next.FOLLOW
        assert (await lane.order(grant.id)).state == OrderState.PENDING
        detail = (await rows(database, Event, type="order.pending"))[-1].detail or ""
        assert "not known here: counted as pending" in detail

    async def test_a_claim_link_is_kept_encrypted_and_nowhere_else(
        self, database: Database, lane: LaneUnderTest, provider: Provider
    ) -> None:
        grant = await add_grant(database, gift_card(delivery=Delivery.LINK))
        await lane.place(grant.id)
        await provider.deliver()
        step = await lane.check_until(grant.id, GrantStatus.DELIVERED)
        claim, order = await one(database, ClaimLink), await lane.order(grant.id)
        secret = ClaimSecret.model_validate_json(VAULT.decrypt(claim.ciphertext, order.id))
        assert secret.link.startswith("https://claim.giftcard-partners.example/")
        for place in (step.model_dump_json(), str(order), str(await rows(database, Event))):
            assert secret.link not in place
            assert str(secret.challenge_answer) not in place

    async def test_a_provider_that_cannot_be_read_is_asked_again(
        self, database: Database, lane: LaneUnderTest, provider: Provider
    ) -> None:
        grant = await add_grant(database)
        await lane.place(grant.id)
        await provider.put("credentials", accept=False, status=503)
        with pytest.raises(ApplicationError) as asked:
            await lane.check(grant.id)
        assert asked.value.type == "TryAgain"
        assert (await lane.grant(grant.id)).status == GrantStatus.ORDERED


async def test_two_people_never_share_an_order(
    database: Database, lane: LaneUnderTest, provider: Provider
) -> None:
    await add_customer(database)
    grants = [await add_grant(database) for _ in range(5)]
    await asyncio.gather(*(lane.place(grant.id) for grant in grants))
    assert len({card["key"] for card in await provider.book()}) == 5
