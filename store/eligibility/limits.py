"""Limits by count: conversions in total and per period, of the campaign and of each referrer, and
grants per tier.

A conversion fits all of them, or none of its grants is created."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import bindparam, func, select
from sqlmodel import col

from domain.campaigns import CampaignTerms, Limits, Tier
from domain.refusals import CannotCount
from domain.rules.counters import Counter, Period, What, Whose
from domain.verdict import Verdict
from store.database import Transaction
from store.eligibility.counting import Subject, count_conversions
from store.tables import Grant

_BY_PERIOD = {
    "day": Period.DAILY,
    "week": Period.WEEKLY,
    "month": Period.MONTHLY,
}
_COUNTED: dict[str, Counter] = {
    "redemptions": Counter(What.USES, Whose.CAMPAIGN),
    **{
        f"redemptions_per_{word}": Counter(What.USES, Whose.CAMPAIGN, period)
        for word, period in _BY_PERIOD.items()
    },
    **{
        f"redemptions_per_referrer_per_{word}": Counter(What.USES, Whose.REFERRER, period)
        for word, period in _BY_PERIOD.items()
    },
}
"""By the limit's own name."""

# Every grant ever made: an undone one may be reopened, and would exceed the limit.
_GIVEN = select(func.count()).where(
    col(Grant.campaign_id) == bindparam("campaign"),
    col(Grant.reason) == bindparam("tier"),
)
_GIVEN_TO_REFERRER = _GIVEN.where(col(Grant.recipient_id) == bindparam("referrer"))


class _Limit(NamedTuple):
    name: str
    counter: Counter
    most: int


async def must_have_room(tx: Transaction, terms: CampaignTerms, subject: Subject) -> None:
    """Raises CannotCount if a limit is used up already."""
    for verdict in await _counted(tx, terms, subject, tx.now, _limits(terms.limits)):
        if not verdict.passed:
            spent = verdict.check == "redemptions"
            key = "budget_exhausted" if spent else "redemption_rules_violated"
            raise CannotCount(key, verdict.detail, verdicts=[verdict.model_dump(mode="json")])


async def of_referrer(
    tx: Transaction, terms: CampaignTerms, subject: Subject, at: datetime, new: list[Grant]
) -> list[Verdict]:
    """The limits of one referrer: the caller holds that referrer's progress."""
    own = [limit for limit in _limits(terms.limits) if not limit.counter.shared]
    verdicts = await _counted(tx, terms, subject, at, own)
    return verdicts + await _tiers(tx, terms, subject, _reasons(new), own=True)


async def of_campaign(
    tx: Transaction, terms: CampaignTerms, subject: Subject, at: datetime, new: list[Grant]
) -> list[Verdict]:
    """The shared limits: the caller holds the campaign's lock."""
    shared = [limit for limit in _limits(terms.limits) if limit.counter.shared]
    verdicts = await _counted(tx, terms, subject, at, shared)
    return verdicts + await _tiers(tx, terms, subject, _reasons(new), own=False)


async def of_tiers(
    tx: Transaction, terms: CampaignTerms, subject: Subject, earned: Mapping[str, int]
) -> list[Verdict]:
    """The tiers' caps, as far as they are known without a lock. `earned`: grants by tier."""
    own = await _tiers(tx, terms, subject, earned, own=True)
    return own + await _tiers(tx, terms, subject, earned, own=False)


def are_shared(terms: CampaignTerms) -> bool:
    """Whether a limit needs the campaign's lock."""
    counted = any(limit.counter.shared for limit in _limits(terms.limits))
    return counted or any(tier.max_grants is not None for tier in terms.tiers)


def _limits(limits: Limits) -> list[_Limit]:
    given = ((name, counter, getattr(limits, name)) for name, counter in _COUNTED.items())
    return [_Limit(name, counter, most) for name, counter, most in given if most is not None]


async def _counted(
    tx: Transaction,
    terms: CampaignTerms,
    subject: Subject,
    at: datetime,
    limits: Iterable[_Limit],
) -> list[Verdict]:
    limits = list(limits)
    counters = [limit.counter for limit in limits]
    before = await count_conversions(tx, counters, subject, at, terms.windows.zone)
    return [_verdict(limit.name, before[limit.counter] + 1, limit.most) for limit in limits]


def _reasons(new: list[Grant]) -> Mapping[str, int]:
    return Tally(grant.reason for grant in new)


async def _tiers(
    tx: Transaction, terms: CampaignTerms, subject: Subject, earned: Mapping[str, int], *, own: bool
) -> list[Verdict]:
    """Only for tiers that the conversion earns. `own`: the caps of one referrer."""
    verdicts = []
    for tier in terms.tiers:
        most = tier.max_grants_per_referrer if own else tier.max_grants
        if most is not None and earned.get(tier.id):
            verdicts.append(await _tier(tx, tier, subject, earned[tier.id], most, own=own))
    return verdicts


async def _tier(
    tx: Transaction, tier: Tier, subject: Subject, earned: int, most: int, *, own: bool
) -> Verdict:
    parameters = {"campaign": subject.campaign_id, "tier": tier.id}
    if own:
        parameters["referrer"] = subject.referrer_id
    given = await tx.session.execute(_GIVEN_TO_REFERRER if own else _GIVEN, parameters)
    name = "max_grants_per_referrer" if own else "max_grants"
    verdict = _verdict(name, given.scalar_one() + earned, most, f" of tier {tier.name!r}")
    return verdict.model_copy(update={"numbers": verdict.numbers | {"tier": tier.id}})


def _verdict(name: str, after: int, most: int, of: str = "") -> Verdict:
    words = name.replace("_", " ")
    return Verdict(
        check=name,
        passed=after <= most,
        detail=f"{words}{of}: {after} of at most {most}.",
        numbers={"limit": most, "after": after},
    )
