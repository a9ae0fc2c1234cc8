"""The grants of a plain sequential reading of the conversions, to compare with the concurrent
result."""

from __future__ import annotations

from domain.campaigns import CampaignTerms, Criterion, Tier


def sequential(terms: CampaignTerms, friends: int) -> list[tuple[str, int]]:
    """(reason, ordinal) of every grant to the referrer for so many friends, one after another,
    sorted. Written independently of the product's own rule, without its optimisations."""
    earned: list[tuple[str, int]] = []
    counted = 0
    for _ in range(friends):
        new = [(tier.id, number) for tier in terms.tiers if (number := _number(tier, counted + 1))]
        limit = terms.limits.grants_per_referrer
        if limit is not None and len(earned) + len(new) > limit:
            continue
        counted += 1
        earned += new
    return sorted(earned)


def _number(tier: Tier, friend: int) -> int | None:
    """The ordinal of the grant that this friend earns: the friend's own, or the milestone's."""
    if tier.criterion is Criterion.EACH_UNIQUE_REFEREE:
        return friend
    milestones = range(tier.threshold or 1, 10**6, tier.threshold or 1)
    reached = milestones if tier.repeat else milestones[:1]
    return reached.index(friend) + 1 if friend in reached else None
