"""Caps on what a referrer, or a tier, may be given, where the terms let the friend's reward stand
alone."""

from __future__ import annotations

from collections.abc import Iterable

from domain.verdict import Verdict

CAPS = frozenset({"grants_per_referrer", "max_grants", "max_grants_per_referrer"})
"""The checks that can find one of them full."""


def full_tiers(verdicts: Iterable[Verdict]) -> set[str]:
    """The tiers that may give no more."""
    return {one.numbers["tier"] for one in _full(verdicts) if "tier" in one.numbers}


def room_left(verdicts: Iterable[Verdict]) -> int | None:
    """How many more grants the referrer may have, where a conversion would pass the limit."""
    for one in _full(verdicts):
        if one.check == "grants_per_referrer":
            limit, already = int(one.numbers["limit"]), int(one.numbers["already"])
            return max(0, limit - already)
    return None


def friend_alone(verdicts: Iterable[Verdict]) -> Verdict:
    """Why the referrer is not rewarded, and the friend is."""
    reasons = " ".join(one.detail for one in _full(verdicts))
    detail = f"{reasons} The friend's reward stands, without what the referrer is not given."
    return Verdict(check="when_referrer_full", passed=True, detail=detail)


def _full(verdicts: Iterable[Verdict]) -> list[Verdict]:
    return [one for one in verdicts if one.check in CAPS and not one.passed]
