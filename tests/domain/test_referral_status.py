"""A referral's status, read from its grants."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.grants import AT_REST, GrantStatus
from domain.referrals import FINAL, ReferralStatus, status_of

G, R = GrantStatus, ReferralStatus


@pytest.mark.parametrize(
    ("grants", "status"),
    [
        ([], R.COMPLETED),
        ([G.DELIVERED], R.COMPLETED),
        ([G.DELIVERED, G.CANCELLED, G.FAILED], R.COMPLETED),
        ([G.ORDERING], R.FULFILLING),
        ([G.ORDERED, G.DELIVERED], R.FULFILLING),
        ([G.HELD, G.DELIVERED], R.ON_HOLD),
        ([G.IN_REVIEW, G.HELD], R.IN_REVIEW),
        ([G.ORDERING, G.HELD, G.IN_REVIEW], R.FULFILLING),
        ([G.NEEDS_ATTENTION, G.ORDERING, G.HELD], R.NEEDS_ATTENTION),
        ([G.NEEDS_ATTENTION, G.DELIVERED], R.NEEDS_ATTENTION),
    ],
)
def test_is_read_from_the_grants(grants: list[GrantStatus], status: ReferralStatus) -> None:
    assert status_of(grants) is status


@given(st.lists(st.sampled_from(GrantStatus), max_size=6))
def test_is_completed_exactly_when_every_grant_is_at_rest(grants: list[GrantStatus]) -> None:
    assert (status_of(grants) is R.COMPLETED) == (set(grants) <= AT_REST)


@given(st.lists(st.sampled_from(GrantStatus), max_size=6))
def test_needs_attention_exactly_when_a_grant_does(grants: list[GrantStatus]) -> None:
    assert (status_of(grants) is R.NEEDS_ATTENTION) == (G.NEEDS_ATTENTION in grants)


@given(st.permutations(list(GrantStatus)))
def test_does_not_depend_on_the_order_of_the_grants(grants: list[GrantStatus]) -> None:
    assert status_of(grants) is status_of(reversed(grants))


@given(st.lists(st.sampled_from(GrantStatus), max_size=6))
def test_is_never_a_state_of_before_the_decision(grants: list[GrantStatus]) -> None:
    assert status_of(grants) not in {R.WAITING, R.CONVERTED, R.REJECTED, R.EXPIRED, R.REVERSED}


def test_a_final_state_is_no_open_one() -> None:
    assert not FINAL & {R.WAITING, R.CONVERTED, R.FULFILLING, R.NEEDS_ATTENTION, R.ON_HOLD}
