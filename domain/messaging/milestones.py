"""A referrer's way to the next tier that counts friends."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from domain.campaigns import Criterion, Tier


class Ahead(NamedTuple):
    """The next milestone: the count that earns it, and how many friends are missing."""

    tier: Tier
    threshold: int
    missing: int

    @property
    def subject(self) -> str:
        """What a person is told of once."""
        return f"{self.tier.id}/{self.threshold}"


def next_milestone(tiers: Iterable[Tier], friends: int) -> Ahead | None:
    """The nearest one above `friends`; None where there is none left."""
    ahead = [
        Ahead(tier, goal, goal - friends)
        for tier in tiers
        if tier.criterion is Criterion.MIN_UNIQUE_REFEREES
        and (goal := _goal(tier, friends)) is not None
    ]
    return min(ahead, key=lambda one: one.missing, default=None)


def _goal(tier: Tier, friends: int) -> int | None:
    threshold = tier.threshold or 1
    if friends < threshold:
        return threshold
    return (friends // threshold + 1) * threshold if tier.repeat else None
