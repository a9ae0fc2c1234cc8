"""Whether the caps of a referrer, and of tiers, allow one more friend.

An early refusal, in the words of qualification, which enforces the caps under its locks."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import bindparam, select
from sqlmodel import col

from domain.campaigns import CampaignTerms, Criterion, WhenReferrerFull
from domain.tiers import reached
from domain.verdict import Verdict, refused_by
from domain.verdicts import grants_verdict
from store.database import Transaction
from store.eligibility import limits
from store.eligibility.counting import Subject
from store.grants.milestones import earned_before
from store.tables import ReferrerProgress

_PROGRESS = select(col(ReferrerProgress.unique_referees), col(ReferrerProgress.grants)).where(
    col(ReferrerProgress.campaign_id) == bindparam("campaign"),
    col(ReferrerProgress.referrer_id) == bindparam("referrer"),
)


async def must_leave_room(
    tx: Transaction, terms: CampaignTerms, subject: Subject, *, converts: bool
) -> None:
    """Raises CannotCount if a cap is full, unless the terms allow the friend's reward alone.

    `converts`: the friend is counted now; else only tiers that every friend earns are checked,
    because the count at the conversion is not known yet."""
    if terms.when_referrer_full is WhenReferrerFull.FRIEND_ONLY or not _is_capped(terms):
        return
    for verdict in await _caps(tx, terms, subject, converts=converts):
        if not verdict.passed:
            raise refused_by("redemption_rules_violated", verdict)


def _is_capped(terms: CampaignTerms) -> bool:
    tiers = any(tier.max_grants or tier.max_grants_per_referrer for tier in terms.tiers)
    return tiers or terms.limits.grants_per_referrer is not None


async def _caps(
    tx: Transaction, terms: CampaignTerms, subject: Subject, *, converts: bool
) -> list[Verdict]:
    campaign_id, referrer_id = subject.campaign_id, subject.referrer_id
    referrer = {"campaign": campaign_id, "referrer": referrer_id}
    progress = (await tx.session.execute(_PROGRESS, referrer)).one_or_none()
    friends, granted = progress or (0, 0)
    tiers = terms.tiers if converts else [tier for tier in terms.tiers if _for_each(tier.criterion)]
    earlier = await earned_before(tx, terms, campaign_id, referrer_id, friends + 1)
    earned = Counter(
        one.tier.id
        for one in reached(tiers, friends + 1, None, earlier.by_tier)
        # A reopened grant was counted when it was first created.
        if one.friends is None or (one.tier.id, one.ordinal) not in earlier.undone
    )
    if not earned:
        return []
    own = grants_verdict(terms, granted, earned.total())
    return [own, *await limits.of_tiers(tx, terms, subject, earned)]


def _for_each(criterion: Criterion) -> bool:
    return criterion is Criterion.EACH_UNIQUE_REFEREE
