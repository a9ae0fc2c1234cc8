"""The milestones that a referrer has earned so far."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import bindparam, select
from sqlmodel import col

from domain.campaigns import CampaignTerms
from domain.tiers import Milestone, may_reach
from store.database import Transaction
from store.tables import Grant, Referral
from store.terms import milestone_tier


class Earlier(NamedTuple):
    """A referrer's milestones so far, of the tiers that the count may reach now."""

    by_tier: dict[str, list[Milestone]]
    undone: dict[tuple[str, int], str]
    """The grants of undone milestones, by tier and ordinal."""


_BEFORE = (
    select(
        col(Grant.id),
        col(Grant.reason),
        col(Grant.ordinal),
        col(Grant.friends_counted),
        col(Grant.reversed_by).is_not(None),
        col(Referral.campaign_version),
    )
    .join(Referral, col(Referral.id) == Grant.referral_id)
    .where(
        col(Grant.campaign_id) == bindparam("campaign"),
        col(Grant.reason).in_(bindparam("tiers", expanding=True)),
        col(Grant.recipient_id) == bindparam("referrer"),
    )
)


async def earned_before(
    tx: Transaction, terms: CampaignTerms, campaign_id: str, referrer_id: str, friends: int
) -> Earlier:
    """The facts that decide which milestones the referrer earns when the count reaches `friends`.

    Only reliable if the caller holds the referrer's progress, so that none is earned or undone
    meanwhile."""
    earlier = Earlier({}, {})
    tiers = [tier.id for tier in terms.tiers if may_reach(tier, friends)]
    if not tiers:
        return earlier
    parameters = {"campaign": campaign_id, "tiers": tiers, "referrer": referrer_id}
    for id, tier, ordinal, count, undone, version in await tx.session.execute(_BEFORE, parameters):
        if count is None:
            # A reward per friend; or written by a worker of the previous release, during an
            # upgrade.
            if await milestone_tier(tx, campaign_id, version, tier) is None:
                continue
            count = ordinal
        earlier.by_tier.setdefault(tier, []).append(Milestone(ordinal, count, undone))
        if undone:
            earlier.undone[tier, ordinal] = id
    return earlier
