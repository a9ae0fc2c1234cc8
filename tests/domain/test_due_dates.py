"""The promise clock: every state that is not at rest has a due time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from domain.due_dates import WITHIN, due
from domain.grants import AT_REST, GrantStatus

SINCE = datetime(2026, 5, 1, tzinfo=UTC)
OWN = datetime(2026, 6, 1, tzinfo=UTC)
OPEN = sorted(set(GrantStatus) - AT_REST)


@pytest.mark.parametrize("state", ["converted", *OPEN])
def test_each_open_state_is_due(state: str) -> None:
    assert due(state, None, SINCE) == SINCE + WITHIN[state]


@pytest.mark.parametrize("state", ["held", "in_review", "needs_attention"])
def test_a_stored_due_time_wins(state: str) -> None:
    assert due(state, OWN, SINCE) == OWN


@pytest.mark.parametrize("state", ["ordering", "ordered"])
def test_the_due_time_of_a_delivery_counts_from_its_order(state: str) -> None:
    """A due time of the state before says nothing of it."""
    assert due(state, OWN, SINCE) == SINCE + WITHIN[state]


@pytest.mark.parametrize("state", sorted(AT_REST))
def test_a_finished_grant_has_no_due_time(state: str) -> None:
    assert due(state, OWN, SINCE) is None


def test_a_day_to_order_and_a_week_to_arrive() -> None:
    assert due("ordering", None, SINCE) == SINCE + timedelta(days=1)
    assert due("ordered", None, SINCE) == SINCE + timedelta(days=7)
