"""Eligibility: each check leaves a verdict with its numbers, also when it passes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from domain.campaigns import CampaignTerms, Limits
from domain.verdict import Verdict
from domain.verdicts import Facts, budget_verdict, judge
from tests.builders import budget, terms

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def judged(of: CampaignTerms | None = None, **changes: Any) -> dict[str, Verdict]:
    given: dict[str, Any] = {
        "referrer_id": "cust_a",
        "referee_id": "cust_b",
        "received_at": NOON,
        "expires_at": NOON + timedelta(days=30),
        "grants_to_referrer": 0,
        "new_grants_to_referrer": 1,
    }
    return {v.check: v for v in judge(of or terms(), Facts(**given | changes))}


def failed(verdicts: dict[str, Verdict]) -> list[str]:
    return [check for check, verdict in verdicts.items() if not verdict.passed]


def test_every_check_leaves_a_verdict_when_all_pass() -> None:
    verdicts = judged()
    assert failed(verdicts) == []
    assert list(verdicts) == [
        "own_code",
        "campaign_live",
        "attribution_window",
        "grants_per_referrer",
    ]
    assert all(verdict.detail for verdict in verdicts.values())


def test_ones_own_code_fails() -> None:
    assert failed(judged(referee_id="cust_a")) == ["own_code"]


def test_an_event_in_the_windows_last_moment_passes() -> None:
    assert failed(judged(received_at=NOON, expires_at=NOON)) == []


def test_an_event_after_the_window_fails_with_both_times() -> None:
    verdicts = judged(received_at=NOON, expires_at=NOON - timedelta(seconds=1))
    assert failed(verdicts) == ["attribution_window"]
    assert verdicts["attribution_window"].numbers == {
        "received_at": "2026-03-01T12:00:00+00:00",
        "expires_at": "2026-03-01T11:59:59+00:00",
    }


def test_the_last_grant_that_a_limit_allows_passes() -> None:
    of = terms(limits=Limits(grants_per_referrer=5))
    assert failed(judged(of, grants_to_referrer=4)) == []


def test_a_grant_beyond_the_limit_fails_with_its_numbers() -> None:
    of = terms(limits=Limits(grants_per_referrer=5))
    verdicts = judged(of, grants_to_referrer=4, new_grants_to_referrer=2)
    assert failed(verdicts) == ["grants_per_referrer"]
    numbers = {"limit": 5, "already": 4, "after": 6}
    assert verdicts["grants_per_referrer"].numbers == numbers


def test_without_a_limit_any_number_of_grants_passes() -> None:
    assert failed(judged(grants_to_referrer=10**6)) == []


class TestBudgetVerdict:
    def test_without_a_limit_passes(self) -> None:
        assert budget_verdict(True, 30_00, "", None).passed

    def test_says_what_was_needed_of_which_limit(self) -> None:
        limit = budget(100_00).budget
        assert limit is not None
        verdict = budget_verdict(False, 30_00, limit.currency, limit.amount, 12_00)
        assert "1200 left of 10000" in verdict.detail
        assert not verdict.passed
        assert verdict.numbers == {
            "needed": 30_00,
            "limit": 100_00,
            "currency": "USD",
            "left": 12_00,
        }
