"""Order keys, and the three axes on which an order moves forward only."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.adverse_words import adverse_word
from domain.grants import GrantIdentity
from domain.money import Money
from domain.orders import (
    ENDED,
    ClaimSecret,
    DeliveryState,
    Named,
    OrderRequest,
    OrderState,
    Promise,
    Recipient,
    RedemptionState,
    forward_delivery,
    forward_redemption,
    forward_state,
    key_stem,
    order_key,
    poll_interval,
)
from tests.builders import gift_card

ids = st.from_regex(r"[a-z]{1,4}_[0-9a-z]{26}", fullmatch=True)
identities = st.builds(
    GrantIdentity,
    campaign_id=ids,
    reason=ids | st.just("referee"),
    recipient_id=ids,
    ordinal=st.integers(1, 10**6),
)
generations = st.integers(1, 99_999)
GRANT = GrantIdentity("camp_a", "tier_a", "cust_a", 1)
SECRET = bytes(32)
people = st.builds(
    Named, st.none() | st.sampled_from(["", "a", "b"]), st.integers(0, 2), st.sampled_from("ab")
)
promises = st.builds(
    Promise, st.sampled_from("ab"), st.sampled_from("ab"), people, people | st.integers(1, 2)
)
PROMISE = Promise("camp_a", "tier_a", Named("referrer", 0, "cust_a"), Named("friend", 0, "cust_b"))


class TestOrderKey:
    def test_the_key_of_an_older_grant_never_changes(self) -> None:
        # Written down: a change would order every open grant a second time.
        assert order_key(key_stem(GRANT), 1) == "gda9efd881aae6acf011cc2ff80131b43eg1"

    def test_the_key_of_a_promise_never_changes(self) -> None:
        assert order_key(PROMISE.key_stem(SECRET), 1) == "gd64cfc4d384822ab8f71417a5a8e5400eg1"

    @given(promises, generations)
    def test_is_at_most_40_lower_case_alphanumerics(
        self, promise: Promise, generation: int
    ) -> None:
        assert re.fullmatch(r"[a-z0-9]{1,40}", order_key(promise.key_stem(SECRET), generation))

    @given(promises, generations, generations)
    def test_differs_by_generation(self, promise: Promise, one: int, other: int) -> None:
        stem = promise.key_stem(SECRET)
        assert (order_key(stem, one) == order_key(stem, other)) == (one == other)

    @given(promises, promises)
    def test_differs_by_promise(self, one: Promise, other: Promise) -> None:
        assert (one.key_stem(SECRET) == other.key_stem(SECRET)) == (_said(one) == _said(other))

    @pytest.mark.parametrize(
        "changed",
        [
            PROMISE._replace(campaign_id="camp_b"),
            PROMISE._replace(reason="tier_b"),
            PROMISE._replace(recipient=Named("referrer", 1, "cust_a")),
            PROMISE._replace(recipient=Named(None, 0, "referrer")),
            PROMISE._replace(of=Named("another friend", 0, "cust_b")),
            PROMISE._replace(of=Named("friend", 1, "cust_b")),
            PROMISE._replace(of=1),
        ],
    )
    def test_differs_by_each_part_of_the_promise(self, changed: Promise) -> None:
        assert changed.key_stem(SECRET) != PROMISE.key_stem(SECRET)

    def test_says_nothing_of_our_ids_where_callers_have_their_own(self) -> None:
        restored = PROMISE._replace(
            recipient=Named("referrer", 0, "cust_new"), of=Named("friend", 0, "cust_newer")
        )
        assert restored.key_stem(SECRET) == PROMISE.key_stem(SECRET)

    def test_cannot_be_told_without_the_secret(self) -> None:
        assert PROMISE.key_stem(bytes(31) + b"x") != PROMISE.key_stem(SECRET)


def _said(promise: Promise) -> tuple[object, ...]:
    """What a promise says once ids give way to the callers' own names."""
    of = promise.of.name if isinstance(promise.of, Named) else promise.of
    return (promise.campaign_id, promise.reason, promise.recipient.name, of)


class TestForwardState:
    @given(st.lists(st.sampled_from(OrderState), min_size=1, max_size=12))
    def test_no_order_of_snapshots_moves_back(self, snapshots: list[OrderState]) -> None:
        way = [
            OrderState.PREPARED,
            OrderState.UNKNOWN,
            OrderState.PENDING,
            OrderState.ISSUED,
        ]
        state = OrderState.PREPARED
        for snapshot in snapshots:
            before, state = state, forward_state(state, snapshot)
            if before in ENDED:
                assert state == before, "what ended has ended"
            elif state not in ENDED:
                assert way.index(state) >= way.index(before)

    @given(st.lists(st.sampled_from(OrderState), max_size=12))
    def test_every_order_of_snapshots_ends_at_the_furthest(
        self, snapshots: list[OrderState]
    ) -> None:
        state = OrderState.PREPARED
        for snapshot in snapshots:
            state = forward_state(state, snapshot)
        if set(snapshots) & ENDED:
            assert state in ENDED
        elif OrderState.ISSUED in snapshots:
            assert state is OrderState.ISSUED

    @pytest.mark.parametrize("late", [OrderState.PENDING, OrderState.UNKNOWN, OrderState.PREPARED])
    def test_a_late_answer_does_not_take_an_issued_card_back(self, late: OrderState) -> None:
        assert forward_state(OrderState.ISSUED, late) is OrderState.ISSUED

    def test_an_issued_card_can_be_withdrawn(self) -> None:
        assert forward_state(OrderState.ISSUED, OrderState.CANCELLED) is OrderState.CANCELLED


class TestForwardDelivery:
    @given(st.lists(st.sampled_from(DeliveryState), max_size=12))
    def test_a_permanent_failure_is_cleared_by_nothing(self, later: list[DeliveryState]) -> None:
        state = DeliveryState.FAILED_PERMANENT
        for snapshot in later:
            state = forward_delivery(state, snapshot)
        assert state is DeliveryState.FAILED_PERMANENT

    @given(st.lists(st.sampled_from(DeliveryState), min_size=1, max_size=12))
    def test_no_order_of_snapshots_takes_an_arrival_back_to_the_way(
        self, snapshots: list[DeliveryState]
    ) -> None:
        under_way = {DeliveryState.PENDING, DeliveryState.SENT}
        state = DeliveryState.PENDING
        for snapshot in snapshots:
            before, state = state, forward_delivery(state, snapshot)
            if before is not DeliveryState.PENDING:
                assert state is not DeliveryState.PENDING
            if before not in under_way:
                assert state not in under_way

    @given(st.lists(st.sampled_from(DeliveryState), max_size=12))
    def test_a_repeated_sequence_changes_nothing_more(self, snapshots: list[DeliveryState]) -> None:
        state = DeliveryState.PENDING
        for snapshot in snapshots:
            state = forward_delivery(state, snapshot)
        assert forward_delivery(state, state) is state

    def test_a_resend_turns_a_failure_into_a_delivery(self) -> None:
        state = forward_delivery(DeliveryState.FAILED_RETRYABLE, DeliveryState.DELIVERED)
        assert state is DeliveryState.DELIVERED

    def test_a_late_sent_does_not_clear_a_failure(self) -> None:
        state = forward_delivery(DeliveryState.FAILED_RETRYABLE, DeliveryState.SENT)
        assert state is DeliveryState.FAILED_RETRYABLE

    def test_a_late_bounce_does_not_undo_a_delivery(self) -> None:
        state = forward_delivery(DeliveryState.DELIVERED, DeliveryState.FAILED_RETRYABLE)
        assert state is DeliveryState.DELIVERED


class TestForwardRedemption:
    @pytest.mark.parametrize("adverse", [RedemptionState.FLAGGED, RedemptionState.CANCELLED])
    @given(later=st.lists(st.sampled_from(RedemptionState), max_size=12))
    def test_adverse_evidence_is_never_cleared(
        self, adverse: RedemptionState, later: list[RedemptionState]
    ) -> None:
        state = adverse
        for snapshot in later:
            state = forward_redemption(state, snapshot)
        assert state in {RedemptionState.FLAGGED, RedemptionState.CANCELLED}

    def test_a_late_answer_does_not_unspend_a_card(self) -> None:
        state = forward_redemption(RedemptionState.REDEEMED, RedemptionState.UNREDEEMED)
        assert state is RedemptionState.REDEEMED

    def test_not_knowing_is_no_news(self) -> None:
        state = forward_redemption(RedemptionState.UNREDEEMED, RedemptionState.UNKNOWN)
        assert state is RedemptionState.UNREDEEMED


class TestPollInterval:
    first, longest = timedelta(seconds=30), timedelta(hours=6)

    @given(st.timedeltas(timedelta(0), timedelta(days=400)))
    def test_stays_within_its_bounds(self, age: timedelta) -> None:
        assert self.first <= poll_interval(age, self.first, self.longest) <= self.longest

    @given(
        st.timedeltas(timedelta(0), timedelta(days=400)),
        st.timedeltas(timedelta(0), timedelta(days=400)),
    )
    def test_an_older_order_is_looked_at_no_sooner(self, one: timedelta, other: timedelta) -> None:
        young, old = sorted([one, other])
        assert poll_interval(young, self.first, self.longest) <= poll_interval(
            old, self.first, self.longest
        )

    def test_grows_with_the_age_so_that_a_month_costs_few_looks(self) -> None:
        age, looks = timedelta(0), 0
        while age < timedelta(days=30):
            age += poll_interval(age, self.first, self.longest)
            looks += 1
        assert looks < 150


class TestFingerprint:
    request = OrderRequest(
        key=order_key(key_stem(GRANT), 1),
        product_id="CVS",
        face=Money(amount=15_00, currency="USD"),
        delivery=gift_card().delivery,
        recipient=Recipient(email="a@example.com"),
        personalization=gift_card().personalization,
        callback_url="https://one.example/hooks",
    )

    def test_ignores_where_our_hooks_are(self) -> None:
        moved = self.request.model_copy(update={"callback_url": "https://two.example/hooks"})
        assert moved.fingerprint() == self.request.fingerprint()

    @pytest.mark.parametrize(
        "change",
        [
            {"product_id": "AMAZON"},
            {"face": Money(amount=15_01, currency="USD")},
            {"recipient": Recipient(email="b@example.com")},
            {"key": order_key(key_stem(GRANT), 2)},
        ],
    )
    def test_changes_with_what_is_bought(self, change: dict[str, object]) -> None:
        changed = self.request.model_copy(update=change)
        assert changed.fingerprint() != self.request.fingerprint()
        assert not self._stored(changed).is_as_frozen(self.request.fingerprint())

    def test_a_stored_request_still_has_its_fingerprint(self) -> None:
        assert self._stored(self.request).is_as_frozen(self.request.fingerprint())

    def test_a_member_that_is_new_since_changes_nothing(self) -> None:
        class Tomorrow(OrderRequest):
            note: str | None = None

        stored = Tomorrow.model_validate(self.request.model_dump(mode="json"))
        assert stored.is_as_frozen(self.request.fingerprint())

    @staticmethod
    def _stored(request: OrderRequest) -> OrderRequest:
        return OrderRequest.model_validate(request.model_dump(mode="json"))


class TestClaimSecret:
    def test_does_not_print_its_link(self) -> None:
        secret = ClaimSecret(link="https://claim.example/abc", challenge_answer="xyz")
        printed = f"{secret} {secret!r} {[secret]}"
        assert "abc" not in printed
        assert "xyz" not in printed


@pytest.mark.parametrize(
    ("status", "word"),
    [
        ("Failed", "failed"),
        ("REJECTED", "rejected"),
        ("PAYMENT_DECLINED", "declined"),
        ("OrderVoided", "voided"),
        ("EXECUTED/CLAWED_BACK", "clawed_back"),
        ("refunded, by hand", "refunded"),
        ("Marinating", None),
        ("AVOIDED", None),
        ("not rejected", None),
        ("", None),
    ],
)
def test_a_plainly_adverse_word_is_known_whoever_says_it(status: str, word: str | None) -> None:
    assert adverse_word(status) == word
