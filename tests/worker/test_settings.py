"""What a worker is told from the environment, and the order in which its time-outs must stand."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from worker.settings import WorkerSettings

ACTIVITY = timedelta(seconds=60)
"""The start-to-close time-out of `place_order` in workflows/journey.py."""


def settings(**values: object) -> WorkerSettings:
    return WorkerSettings.model_validate({"public_url": "http://guerdon.test/"} | values)


@given(
    exchange=st.floats(min_value=0.01, max_value=40),
    longest=st.floats(min_value=0.01, max_value=1_000_000),
)
def test_a_paused_attempt_is_cut_off_before_another_can_begin(
    exchange: float, longest: float
) -> None:
    """HTTP time-out < claim < activity time-out, whatever is set."""
    timing = settings(exchange_seconds=exchange, max_delay_seconds=longest).timing
    assert timing.attempt < timing.claim < ACTIVITY


@given(longest=st.floats(min_value=0.01, max_value=1_000_000))
def test_nothing_waits_longer_than_the_longest_delay(longest: float) -> None:
    told = settings(max_delay_seconds=longest)
    delays = [told.pace.first, told.pace.longest, told.redrive_every]
    delays += [told.timing.longest_delay, told.timing.resume]
    assert max(delays) <= timedelta(seconds=longest)


def test_production_delays_are_long() -> None:
    told = settings()
    assert told.pace.first == timedelta(seconds=30)
    assert told.pace.longest == timedelta(hours=6)
    assert told.timing.longest_delay == timedelta(minutes=5)
    assert told.redrive_every == timedelta(seconds=30)


def test_hooks_are_reached_at_the_public_address() -> None:
    assert settings().hooks == "http://guerdon.test"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("public_url", "guerdon.test"),
        ("max_delay_seconds", 0),
        ("exchange_seconds", 41),
        ("exchange_seconds", -1),
    ],
)
def test_a_senseless_value_is_refused(name: str, value: object) -> None:
    with pytest.raises(ValidationError, match=name):
        settings(**{name: value})
