"""Which tiers a conversion reaches. Pure arithmetic on the count of unique referees."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from domain.campaigns import Criterion, Tier


class Milestone(NamedTuple):
    """A milestone that a referrer has earned before, under any version of the terms."""

    ordinal: int
    friends: int
    """The count of friends that earned it."""
    undone: bool = False
    """A reversal took it back; it is earned again before a new one is."""


class Reached(NamedTuple):
    """A tier earned by one conversion. The ordinal is the conversion's number or the milestone's:
    never reused, so that a grant's identity cannot come up twice. It does not depend on the
    threshold, so that an edit of the threshold neither pays a milestone twice nor skips it."""

    tier: Tier
    ordinal: int
    friends: int | None = None
    """The count that earned a milestone; None for a reward per friend."""


def reached(
    tiers: Iterable[Tier],
    count: int,
    number: int | None = None,
    before: Mapping[str, Sequence[Milestone]] | None = None,
) -> list[Reached]:
    """The tiers that the `count`-th unique referee of a referrer earns, in the terms' order.

    `number`: the conversion's own, which exceeds the count once a reversal has lowered that.
    `before`: the milestones earned so far, by tier."""
    earned = []
    for tier in tiers:
        if tier.criterion is Criterion.EACH_UNIQUE_REFEREE:
            earned.append(Reached(tier, count if number is None else number))
        elif ordinal := _milestone(tier, count, (before or {}).get(tier.id, ())):
            earned.append(Reached(tier, ordinal, count))
    return earned


def may_reach(tier: Tier, count: int) -> bool:
    """Whether the count alone allows a milestone of this tier."""
    if tier.criterion is Criterion.EACH_UNIQUE_REFEREE:
        return False
    threshold = tier.threshold or 1
    return count % threshold == 0 if tier.repeat else count >= threshold


def falls_below(tier: Tier, friends: int, count: int) -> bool:
    """Whether the count has fallen below the requirement of a milestone that `friends` friends
    earned."""
    return count < (friends if tier.repeat else tier.threshold or 1)


def _milestone(tier: Tier, count: int, before: Sequence[Milestone]) -> int | None:
    """The number of the milestone that is earned now: an undone one's, else the next; None if none
    is earned.

    A one-time tier has at most one valid milestone; a repeating one earns the next above the
    highest count that earned a valid one."""
    standing = [one.friends for one in before if not one.undone]
    if not may_reach(tier, count) or (standing and not (tier.repeat and count > max(standing))):
        return None
    undone = [one.ordinal for one in before if one.undone]
    return min(undone) if undone else max((one.ordinal for one in before), default=0) + 1
