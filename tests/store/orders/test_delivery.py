"""What a provider says of an order, and what it makes of the grant, the books, the referral."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from itertools import permutations

import pytest

from domain.grants import Attention, GrantStatus
from domain.ledger import POINTS
from domain.messages import Next
from domain.money import Money
from domain.orders import (
    ClaimSecret,
    DeliveryState,
    OrderSnapshot,
    OrderState,
    RedemptionState,
)
from domain.referrals import ReferralStatus
from store.database import Database
from store.staff.cancel import credit_wallet
from store.tables import Budget, ClaimLink, Event, Grant, LedgerEntry, Order, Referral
from tests.auditing import assert_books_agree, balances
from tests.builders import (
    add_grant,
    add_programme,
    alter,
    budget,
    credits,
    every_friend,
    gift_card,
    in_past,
    one,
    points,
    qualify,
    rows,
    terms,
)
from tests.ordering import CARRIER, SECRET, VAULT, attempt, deliver, record, snapshot

PENDING, ISSUED = OrderState.PENDING, OrderState.ISSUED
FAILED, CANCELLED = OrderState.FAILED, OrderState.CANCELLED


async def wallet(database: Database, grant_id: str):
    async with database.transaction() as tx:
        return await credit_wallet(tx, grant_id)


class TestPending:
    async def test_the_order_is_followed_and_nothing_is_posted(self, database: Database) -> None:
        grant = await add_grant(database)
        claimed = await attempt(database, grant.id)
        step = await record(database, claimed.order_id, snapshot(claimed, PENDING))
        assert step.next is Next.FOLLOW
        assert step.after == timedelta(seconds=1)
        order, grant = await one(database, Order), await one(database, Grant)
        assert (order.state, order.claimed_until) == (PENDING, None)
        assert grant.status == GrantStatus.ORDERED
        assert await rows(database, LedgerEntry, kind="commit") == []
        await assert_books_agree(database)

    async def test_a_word_never_seen_before_counts_as_pending_and_is_told(
        self, database: Database
    ) -> None:
        grant = await add_grant(database)
        claimed = await attempt(database, grant.id)
        said = snapshot(claimed, PENDING, raw_status="Marinating", recognised=False)
        step = await record(database, claimed.order_id, said)
        assert step.next is Next.FOLLOW
        event = await one(database, Event, type="order.pending")
        assert event.detail is not None
        assert "'Marinating'" in event.detail
        assert "counted as pending" in event.detail

    async def test_an_adverse_word_never_seen_before_parks_at_once_and_is_followed(
        self, database: Database
    ) -> None:
        grant = await add_grant(database)
        claimed = await attempt(database, grant.id)
        said = snapshot(claimed, PENDING, raw_status="Voided", recognised=False)
        step = await record(database, claimed.order_id, said)
        assert (step.next, step.attention) == (Next.FOLLOW, Attention.OUTCOME_UNKNOWN)
        assert not step.cancellable
        grant = await one(database, Grant)
        assert grant.status == GrantStatus.NEEDS_ATTENTION
        assert "'Voided'" in (grant.attention_detail or "")
        assert len(await rows(database, Order)) == 1
        assert (await record(database, claimed.order_id, snapshot(claimed))).next is Next.REST
        assert (await one(database, Grant)).status == GrantStatus.DELIVERED
        await assert_books_agree(database)

    async def test_an_adverse_word_about_an_issued_card_parks_also_a_delivered_grant(
        self, database: Database
    ) -> None:
        grant = await add_grant(database)
        claimed = await attempt(database, grant.id)
        await record(database, claimed.order_id, snapshot(claimed))
        said = snapshot(claimed, PENDING, raw_status="CLAWED_BACK", recognised=False)
        step = await record(database, claimed.order_id, said)
        assert (step.next, step.attention) == (Next.FOLLOW, Attention.DELIVERY_FAILED)
        order = await one(database, Order)
        assert (order.state, order.generation) == (ISSUED, 1)
        await assert_books_agree(database)

    async def test_the_same_word_again_is_not_told_again(self, database: Database) -> None:
        grant = await add_grant(database)
        claimed = await attempt(database, grant.id)
        for _ in range(5):
            await record(database, claimed.order_id, snapshot(claimed, PENDING))
        assert len(await rows(database, Event, type="order.pending")) == 1

    async def test_an_order_open_for_too_long_is_shown_to_staff_and_followed_on(
        self, database: Database
    ) -> None:
        grant = await add_grant(database)
        claimed = await attempt(database, grant.id)
        await alter(database, await one(database, Order), first_sent_at=in_past(days=8))
        step = await record(database, claimed.order_id, snapshot(claimed, PENDING))
        assert (step.next, step.attention) == (Next.FOLLOW, Attention.DELIVERY_OVERDUE)
        assert step.after == timedelta(hours=1)
        assert not step.cancellable
        assert (await one(database, Grant)).status == GrantStatus.NEEDS_ATTENTION

    async def test_an_overdue_order_that_arrives_needs_nobody_any_more(
        self, database: Database
    ) -> None:
        grant = await add_grant(database)
        claimed = await attempt(database, grant.id)
        await alter(database, await one(database, Order), first_sent_at=in_past(days=8))
        await record(database, claimed.order_id, snapshot(claimed, PENDING))
        assert (await record(database, claimed.order_id, snapshot(claimed))).next is Next.REST
        grant = await one(database, Grant)
        assert (grant.status, grant.attention) == (GrantStatus.DELIVERED, None)


class TestIssued:
    async def test_the_books_move_from_reserved_to_spent(self, database: Database) -> None:
        grant = await add_grant(database, gift_card(25_00), limits=budget(100_00))
        claimed = await attempt(database, grant.id)
        charged = Money(amount=24_50, currency="USD")
        await record(database, claimed.order_id, snapshot(claimed, charged=charged))
        counter = await one(database, Budget)
        assert (counter.reserved, counter.committed) == (0, 25_00)
        ledger = await balances(database)
        assert ledger[f"campaign/{grant.campaign_id}/spent", "USD"] == 25_00
        assert ledger["provider/giftcard-partners/deposit", "USD"] == -24_50
        assert ledger["provider/giftcard-partners/cards", "USD"] == 25_00
        assert ledger["provider/giftcard-partners/fees", "USD"] == -50
        assert (await one(database, Order)).charged_amount == 24_50
        await assert_books_agree(database)

    async def test_recorded_ten_times_is_posted_once(self, database: Database) -> None:
        grant = await add_grant(database)
        claimed = await attempt(database, grant.id)
        for _ in range(10):
            step = await record(database, claimed.order_id, snapshot(claimed))
            assert step.next is Next.REST
        assert len(await rows(database, Event, type="grant.delivered")) == 1
        await assert_books_agree(database)

    async def test_recorded_ten_times_at_once_is_posted_once(self, database: Database) -> None:
        grant = await add_grant(database)
        claimed = await attempt(database, grant.id)
        said = snapshot(claimed)
        steps = await asyncio.gather(*(record(database, claimed.order_id, said) for _ in range(10)))
        assert {step.next for step in steps} == {Next.REST}
        assert len(await rows(database, LedgerEntry, kind="commit")) == 2
        assert len(await rows(database, Event, type="grant.delivered")) == 1
        await assert_books_agree(database)

    async def test_the_carrier_is_who_staff_turn_to(self, database: Database) -> None:
        grant = await add_grant(database)
        await deliver(database, grant.id)
        assert (await one(database, Grant)).workflow_id == CARRIER


class TestDelivered:
    async def test_without_a_delivery_signal_an_issued_card_counts_as_delivered(
        self, database: Database
    ) -> None:
        grant = await add_grant(database)
        claimed = await attempt(database, grant.id)
        step = await record(database, claimed.order_id, snapshot(claimed))
        assert step.next is Next.REST
        order, grant = await one(database, Order), await one(database, Grant)
        assert (order.delivery_state, grant.status) == ("sent", GrantStatus.DELIVERED)
        assert (await one(database, Referral)).status == ReferralStatus.COMPLETED

    async def test_with_a_delivery_signal_sent_is_not_enough(self, database: Database) -> None:
        grant = await add_grant(database)
        claimed = await attempt(database, grant.id)
        order_id = claimed.order_id
        step = await record(database, order_id, snapshot(claimed), signals_delivery=True)
        assert step.next is Next.FOLLOW
        said = snapshot(claimed, delivery=DeliveryState.DELIVERED)
        step = await record(database, order_id, said, signals_delivery=True)
        assert step.next is Next.REST
        await assert_books_agree(database)

    async def test_a_link_that_we_hold_is_delivered_when_issued(self, database: Database) -> None:
        grant = await add_grant(database)
        claimed = await attempt(database, grant.id)
        said = snapshot(claimed, delivery=DeliveryState.NOT_APPLICABLE)
        step = await record(database, claimed.order_id, said, signals_delivery=True)
        assert step.next is Next.REST

    async def test_a_bounce_parks_the_grant_and_keeps_the_money_committed(
        self, database: Database
    ) -> None:
        grant = await add_grant(database)
        claimed = await attempt(database, grant.id)
        said = snapshot(claimed, delivery=DeliveryState.FAILED_RETRYABLE)
        step = await record(database, claimed.order_id, said)
        assert (step.next, step.attention) == (Next.ATTEND, Attention.DELIVERY_FAILED)
        assert not step.cancellable
        await assert_books_agree(database)

    async def test_a_resend_that_arrives_ends_the_bounce(self, database: Database) -> None:
        grant = await add_grant(database)
        claimed = await attempt(database, grant.id)
        for delivery in (DeliveryState.FAILED_RETRYABLE, DeliveryState.DELIVERED):
            step = await record(
                database,
                claimed.order_id,
                snapshot(claimed, delivery=delivery),
                signals_delivery=True,
            )
        assert step.next is Next.REST
        assert (await one(database, Grant)).attention is None
        await assert_books_agree(database)


class TestOrderOfAnswers:
    async def test_no_order_of_answers_moves_an_order_back(self, database: Database) -> None:
        for order in permutations([OrderState.UNKNOWN, PENDING, PENDING, ISSUED]):
            grant = await add_grant(database)
            claimed = await attempt(database, grant.id)
            for state in order:
                await record(database, claimed.order_id, snapshot(claimed, state))
            stored = await one(database, Order, id=claimed.order_id)
            assert (stored.state, stored.delivery_state) == (ISSUED, "sent")
            assert (await one(database, Grant, id=grant.id)).status == GrantStatus.DELIVERED
        await assert_books_agree(database)

    async def test_no_later_look_clears_a_flag_on_a_card(self, database: Database) -> None:
        grant = await add_grant(database)
        claimed = await attempt(database, grant.id)
        for redemption in (RedemptionState.FLAGGED, RedemptionState.UNREDEEMED):
            await record(database, claimed.order_id, snapshot(claimed, redemption=redemption))
        assert (await one(database, Order)).redemption_state == RedemptionState.FLAGGED

    @pytest.mark.parametrize("signals_delivery", [False, True])
    async def test_the_books_agree_after_any_sequence_of_answers(
        self, database: Database, signals_delivery: bool
    ) -> None:
        drawn = random.Random(20260301)
        states = [OrderState.UNKNOWN, PENDING, ISSUED, ISSUED, FAILED, CANCELLED]
        for _ in range(25):
            grant = await add_grant(database)
            claimed = await attempt(database, grant.id)
            for _ in range(drawn.randint(1, 7)):
                said = snapshot(
                    claimed,
                    drawn.choice(states),
                    delivery=drawn.choice(list(DeliveryState)),
                    redemption=drawn.choice(list(RedemptionState)),
                )
                await record(database, claimed.order_id, said, signals_delivery=signals_delivery)
                await assert_books_agree(database)


class TestEndedAtTheProvider:
    @pytest.mark.parametrize("ended", [FAILED, CANCELLED])
    async def test_an_order_that_failed_is_parked_with_its_budget_reserved(
        self, database: Database, ended: OrderState
    ) -> None:
        grant = await add_grant(database)
        claimed = await attempt(database, grant.id)
        await record(database, claimed.order_id, snapshot(claimed, PENDING))
        step = await record(database, claimed.order_id, snapshot(claimed, ended))
        assert (step.next, step.attention) == (Next.ATTEND, Attention.ORDER_LOST)
        assert step.cancellable
        assert (await one(database, Referral)).status == ReferralStatus.NEEDS_ATTENTION
        await assert_books_agree(database)

    async def test_a_delivered_card_that_is_taken_back_is_owed_again(
        self, database: Database
    ) -> None:
        grant = await add_grant(database, gift_card(25_00))
        claimed = await deliver(database, grant.id)
        step = await record(database, claimed.order_id, snapshot(claimed, CANCELLED))
        assert step.attention is Attention.ORDER_LOST
        counter = await one(database, Budget)
        assert (counter.reserved, counter.committed) == (25_00, 0)
        await assert_books_agree(database)

    async def test_a_second_card_after_it_is_booked_like_the_first(
        self, database: Database
    ) -> None:
        grant = await add_grant(database, gift_card(25_00))
        first = await deliver(database, grant.id)
        await record(database, first.order_id, snapshot(first, CANCELLED))
        second = await deliver(database, grant.id)
        assert second.request.key != first.request.key
        counter = await one(database, Budget)
        assert (counter.reserved, counter.committed) == (0, 25_00)
        assert (await one(database, Grant)).status == GrantStatus.DELIVERED
        await assert_books_agree(database)

    async def test_a_delivered_card_that_bounced_and_was_taken_back_leaves_the_books_right(
        self, database: Database
    ) -> None:
        grant = await add_grant(database)
        claimed = await attempt(database, grant.id)
        for state, delivery in [
            (ISSUED, DeliveryState.DELIVERED),
            (ISSUED, DeliveryState.FAILED_PERMANENT),
            (CANCELLED, DeliveryState.FAILED_PERMANENT),
        ]:
            said = snapshot(claimed, state, delivery=delivery)
            await record(database, claimed.order_id, said, signals_delivery=True)
        await assert_books_agree(database)

    async def test_a_card_sent_bounced_and_sent_anew_is_spent_once(
        self, database: Database
    ) -> None:
        grant = await add_grant(database)
        claimed = await attempt(database, grant.id)
        for delivery in (
            DeliveryState.SENT,
            DeliveryState.FAILED_RETRYABLE,
            DeliveryState.DELIVERED,
        ):
            await record(database, claimed.order_id, snapshot(claimed, delivery=delivery))
        assert (await one(database, Grant)).status == GrantStatus.DELIVERED
        await assert_books_agree(database)


class TestSecret:
    async def test_is_stored_encrypted_under_its_orders_id(self, database: Database) -> None:
        grant = await add_grant(database)
        claimed = await attempt(database, grant.id)
        await record(database, claimed.order_id, snapshot(claimed, secret=SECRET))
        stored = await one(database, ClaimLink)
        assert stored.order_id == claimed.order_id
        assert b"s3cr3t" not in stored.ciphertext
        opened = VAULT.decrypt(stored.ciphertext, claimed.order_id)
        assert ClaimSecret.model_validate_json(opened) == SECRET

    async def test_moved_to_another_row_does_not_open(self, database: Database) -> None:
        grant = await add_grant(database)
        claimed = await attempt(database, grant.id)
        await record(database, claimed.order_id, snapshot(claimed, secret=SECRET))
        stored = await one(database, ClaimLink)
        with pytest.raises(ValueError, match="belongs to another row"):
            VAULT.decrypt(stored.ciphertext, "ord_other")

    async def test_the_first_one_stays(self, database: Database) -> None:
        grant = await add_grant(database)
        claimed = await attempt(database, grant.id)
        await record(database, claimed.order_id, snapshot(claimed, secret=SECRET))
        before = await one(database, ClaimLink)
        other = ClaimSecret(link="https://claim.example/other")
        await record(database, claimed.order_id, snapshot(claimed, secret=other))
        assert (await one(database, ClaimLink)).ciphertext == before.ciphertext

    async def test_stands_in_no_event_and_in_no_order(self, database: Database) -> None:
        grant = await add_grant(database)
        claimed = await attempt(database, grant.id)
        await record(database, claimed.order_id, snapshot(claimed, secret=SECRET))
        told = [*await rows(database, Event), *await rows(database, Order)]
        assert not [row for row in told if "s3cr3t" in str(row)]

    async def test_no_person_stands_in_any_event(self, database: Database) -> None:
        grant = await add_grant(database)
        await deliver(database, grant.id)
        events = str(await rows(database, Event))
        assert "@example.com" not in events
        assert "Person" not in events


class TestWallet:
    async def test_credits_are_the_persons_and_spent_at_once(self, database: Database) -> None:
        grant = await add_grant(database, credits(10_00))
        assert (await wallet(database, grant.id)).next is Next.REST
        ledger = await balances(database)
        assert ledger[f"wallet/{grant.recipient_id}", "USD"] == 10_00
        assert ledger[f"campaign/{grant.campaign_id}/spent", "USD"] == 10_00
        assert (await one(database, Grant)).status == GrantStatus.DELIVERED
        assert (await one(database, Referral)).status == ReferralStatus.COMPLETED
        await assert_books_agree(database)

    async def test_points_touch_no_budget(self, database: Database) -> None:
        grant = await add_grant(database, points(500), limits=budget(1))
        await wallet(database, grant.id)
        assert (await balances(database))[f"wallet/{grant.recipient_id}", POINTS] == 500
        await assert_books_agree(database)

    async def test_ten_credits_at_once_are_one(self, database: Database) -> None:
        grant = await add_grant(database, credits(10_00))
        await asyncio.gather(*(wallet(database, grant.id) for _ in range(10)))
        assert (await balances(database))[f"wallet/{grant.recipient_id}", "USD"] == 10_00
        assert len(await rows(database, Event, type="grant.delivered")) == 1


class TestStanding:
    async def test_two_grants_that_come_to_rest_together_complete_their_referral(
        self, database: Database
    ) -> None:
        of = terms(every_friend(gift_card()), referee_reward=credits())
        programme = await add_programme(database, of)
        for n in range(40):
            decision = await qualify(database, programme.code)
            credit, card = (task.grant_id for task in decision.grants)
            claimed = await attempt(database, card)
            ways = [
                wallet(database, credit),
                record(database, claimed.order_id, snapshot(claimed)),
            ]
            await asyncio.gather(*(ways if n % 2 else reversed(ways)))
            grant = await one(database, Grant, id=card)
            referral = await one(database, Referral, id=grant.referral_id)
            assert referral.status == ReferralStatus.COMPLETED, n
            told = await rows(database, Event, type="referral.completed", referral_id=referral.id)
            assert len(told) == 1

    async def test_one_parked_and_one_delivered_together_need_attention(
        self, database: Database
    ) -> None:
        programme = await add_programme(database)
        for n in range(20):
            decision = await qualify(database, programme.code)
            first, second = [await attempt(database, task.grant_id) for task in decision.grants]
            ways = [
                record(database, first.order_id, snapshot(first, FAILED)),
                record(database, second.order_id, snapshot(second)),
            ]
            await asyncio.gather(*(ways if n % 2 else reversed(ways)))
            grant = await one(database, Grant, id=decision.grants[0].grant_id)
            referral = await one(database, Referral, id=grant.referral_id)
            assert referral.status == ReferralStatus.NEEDS_ATTENTION, n

    async def test_a_referral_is_fulfilling_while_one_grant_is_under_way(
        self, database: Database
    ) -> None:
        programme = await add_programme(database)
        decision = await qualify(database, programme.code)
        await deliver(database, decision.grants[0].grant_id)
        assert (await one(database, Referral)).status == ReferralStatus.FULFILLING


class TestTakenBack:
    """By the provider, after it had issued the card."""

    @pytest.mark.parametrize(
        "charged",
        [
            None,
            Money(amount=15_00, currency="USD"),
            Money(amount=15_45, currency="USD"),
            Money(amount=14_10, currency="EUR"),
        ],
    )
    async def test_the_cost_of_a_cancelled_card_is_back_in_the_deposit(
        self, database: Database, charged: Money | None
    ) -> None:
        grant = await add_grant(database)
        claimed = await attempt(database, grant.id)
        await record(database, claimed.order_id, snapshot(claimed, charged=charged))
        # A price that is told late changes nothing about what was booked.
        late = Money(amount=99_00, currency="USD")
        await record(database, claimed.order_id, snapshot(claimed, CANCELLED, charged=late))
        books = await balances(database)
        fee = charged.amount - 15_00 if charged and charged.currency == "USD" else 0
        assert books["provider/giftcard-partners/cards", "USD"] == 0
        assert books["provider/giftcard-partners/deposit", "USD"] == -fee
        assert books["provider/giftcard-partners/deposit", "EUR"] == 0
        await assert_books_agree(database)


class TestSecondCard:
    """Two generations of one grant that were both issued: an incident."""

    async def doubled(self, database: Database) -> tuple[Order, Order]:
        grant = await add_grant(database)
        first = await attempt(database, grant.id)
        await record(database, first.order_id, snapshot(first, FAILED))
        second = await attempt(database, grant.id)
        # Behind the product's back: no path of its own leads here.
        old = await one(database, Order, id=first.order_id)
        await alter(database, old, state=ISSUED)
        await record(database, second.order_id, snapshot(second))
        return old, await one(database, Order, id=second.order_id)

    async def test_a_second_card_is_reported_once_and_parks_the_grant(
        self, database: Database
    ) -> None:
        old, new = await self.doubled(database)
        again = snapshot_of_order(new)
        await record(database, new.id, again)
        event = await one(database, Event, type="incident.double_order")
        ids = {old.provider_order_id, new.provider_order_id}
        assert set(event.data["provider_order_ids"]) == ids
        grant = await one(database, Grant)
        assert (grant.status, grant.attention) == ("needs_attention", Attention.KEY_CONFLICT)
        assert grant.attention_detail is not None
        assert all(str(each) in grant.attention_detail for each in ids)

    async def test_its_money_is_booked_and_the_budget_is_not_overdrawn(
        self, database: Database
    ) -> None:
        _, new = await self.doubled(database)
        assert len(await rows(database, LedgerEntry, kind="charge", subject=new.id)) == 2
        assert await rows(database, LedgerEntry, kind="commit", subject=new.id) == []

    async def test_taken_back_it_leaves_the_books_as_they_were(self, database: Database) -> None:
        _, new = await self.doubled(database)
        await record(database, new.id, snapshot_of_order(new, CANCELLED))
        assert (await balances(database))["provider/giftcard-partners/deposit", "USD"] == 0
        assert await rows(database, LedgerEntry, kind="withdraw") == []


def snapshot_of_order(order: Order, state: OrderState = ISSUED) -> OrderSnapshot:
    """What the provider says of an order that is stored already."""
    return OrderSnapshot(
        provider_order_id=str(order.provider_order_id),
        key=order.key,
        state=state,
        delivery=DeliveryState.SENT,
        raw_status=state,
    )
