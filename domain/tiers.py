"""Which tiers a conversion reaches. Pure arithmetic on the count of unique referees."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from domain.campaigns import Criterion, Tier


class Reached(NamedTuple):
    """A tier earned by one conversion. The ordinal is its milestone or the conversion's number:
    never reused, so that a grant's identity cannot come up twice."""

    tier: Tier
    ordinal: int


def reached(tiers: Iterable[Tier], count: int, number: int | None = None) -> list[Reached]:
    """The tiers that the `count`-th unique referee of a referrer earns, in the terms' order.
    `number`: the conversion's own; it runs ahead of the count once a reversal has lowered that."""
    number = count if number is None else number
    return [
        Reached(tier, number if tier.criterion is Criterion.EACH_UNIQUE_REFEREE else count)
        for tier in tiers
        if _earns(tier, count)
    ]


def _earns(tier: Tier, count: int) -> bool:
    match tier.criterion:
        case Criterion.EACH_UNIQUE_REFEREE:
            return True
        case Criterion.MIN_UNIQUE_REFEREES:
            threshold = tier.threshold or 1
            return count % threshold == 0 if tier.repeat else count == threshold
