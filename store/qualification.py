"""Qualification: one transaction that judges a conversion and writes what it earns.

Locks are taken in one order: the referrer's progress row first, so that concurrent conversions
of one code are judged one after the other; the campaign's budget last.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Integer, bindparam, insert, select, update
from sqlmodel import col

from domain.amounts import Traits
from domain.campaigns import CampaignTerms, Review
from domain.grants import GrantStatus
from domain.messages import Decision, ReferralStart
from domain.referrals import ReferralStatus, status_of
from domain.rewards import reward_of
from domain.verdict import Verdict
from domain.verdicts import Facts, budget_verdict
from store import budgets, checks, marks, receivables
from store.conversions import subject_of
from store.database import Database, Transaction
from store.earning import earned, record_grant, send_to_review, tasks_of, traits_of
from store.progress import lock_progress
from store.regaining import Again, regain, told_apart
from store.tables import (
    Grant,
    Referral,
    ReferrerProgress,
    metadata,
)
from store.terms import terms_of


async def qualify(database: Database, start: ReferralStart) -> Decision:
    """Judge the referral's conversion once. Running it again answers what was decided."""
    try:
        async with database.transaction() as tx:
            return await _decide(tx, start)
    except budgets.BudgetSpent as spent:
        async with database.transaction() as tx:
            return await _reject_for_budget(tx, start, spent)


class _Case(NamedTuple):
    """What is being judged, read under the referrer's lock."""

    referral: Referral
    people: marks.People
    terms: CampaignTerms
    friends: int
    """The referrer's unique referees with this one; falls with reversals."""
    number: int
    """The conversion's own number, never reused."""
    granted: int
    traits: dict[str, Traits]
    """What amounts depend on, by customer."""


async def _decide(tx: Transaction, start: ReferralStart) -> Decision:
    case = await _read(tx, start)
    if case.referral.status != ReferralStatus.CONVERTED:
        return await _decided_before(tx, case.referral)
    grants, again = await _earned(tx, case)
    verdicts = await _judged(tx, case, grants)
    if not all(verdict.passed for verdict in verdicts):
        return await _reject(tx, case.referral, verdicts)
    reopened = await regain(tx, case.terms, again)
    _flag(tx, case, [*grants, *reopened], verdicts)
    await _accept(tx, case, grants, reopened, verdicts)
    return Decision(qualified=True, grants=tasks_of([*grants, *reopened]))


# Built once: putting a statement together takes longer than running it.
_COUNT = (
    update(ReferrerProgress)
    .where(
        col(ReferrerProgress.campaign_id) == bindparam("campaign"),
        col(ReferrerProgress.referrer_id) == bindparam("referrer"),
    )
    .values(
        unique_referees=bindparam("count"),
        conversions=bindparam("number"),
        grants=col(ReferrerProgress.grants) + bindparam("granted", type_=Integer),
    )
    .execution_options(synchronize_session=False)
)
_GRANTS = insert(metadata.tables[str(Grant.__tablename__)])


async def _read(tx: Transaction, start: ReferralStart) -> _Case:
    progress = await lock_progress(tx, start.campaign_id, start.referrer_id)
    found = await tx.session.execute(marks.CASE, {"referral_id": start.referral_id})
    row = found.one()
    referral: Referral = row[0]
    terms = await terms_of(tx, referral.campaign_id, referral.campaign_version)
    traits = await traits_of(tx, terms, referral)
    friends, number = progress.friends + 1, progress.conversions + 1
    people = marks.people_of(row)
    return _Case(referral, people, terms, friends, number, progress.grants, traits)


async def _earned(tx: Transaction, case: _Case) -> tuple[list[Grant], list[Again]]:
    """The conversion's grants, and the milestones among them that were reached before."""
    grants = earned(case.referral, case.terms, case.friends, case.number, tx.now, case.traits)
    if case.friends == case.number:
        return grants, []
    return await told_apart(tx, grants)


async def _judged(tx: Transaction, case: _Case, grants: list[Grant]) -> list[Verdict]:
    facts = _facts(case, grants)
    return await checks.made(tx, case.referral, case.people, case.terms, facts, grants)


def _flag(tx: Transaction, case: _Case, grants: list[Grant], verdicts: list[Verdict]) -> None:
    """Under `review: flagged` a person decides about what a check found odd."""
    hits = " ".join(verdict.detail for verdict in verdicts if verdict.flagged)
    if not hits or case.terms.review is Review.NONE:
        return
    case.referral.reason = f"Flagged: {hits}"
    tx.record(
        "referral.flagged",
        "A check found something odd",
        detail=hits,
        **subject_of(case.referral),
    )
    for grant in grants:
        if grant.status in (GrantStatus.HELD, GrantStatus.ORDERING):
            send_to_review(grant, tx.now)


def _facts(case: _Case, grants: list[Grant]) -> Facts:
    referral = case.referral
    return Facts(
        referrer_id=referral.referrer_id,
        referee_id=referral.referee_id,
        received_at=referral.converted_at or referral.created_at,
        expires_at=referral.expires_at,
        grants_to_referrer=case.granted,
        new_grants_to_referrer=sum(grant.role == "referrer" for grant in grants),
    )


async def _accept(
    tx: Transaction,
    case: _Case,
    new: list[Grant],
    reopened: list[Grant],
    verdicts: list[Verdict],
) -> None:
    referral, budget = case.referral, case.terms.limits.budget
    grants = [*new, *reopened]
    await receivables.net(tx, grants)
    owed = [grant for grant in grants if grant.status != GrantStatus.CANCELLED]
    faces = [face for grant in owed if (face := reward_of(grant.reward).face)]
    verdicts.append(
        budget_verdict(
            True,
            sum(face.amount for face in faces),
            budget.currency if budget else "",
            budget.amount if budget else None,
        )
    )
    await _count(tx, case, sum(grant.role == "referrer" for grant in new))
    if new:
        await tx.session.execute(_GRANTS, [grant.model_dump() for grant in new])
    status = status_of(GrantStatus(grant.status) for grant in grants)
    referral.ordinal = case.number
    _settle(tx, referral, status, verdicts)
    subject = subject_of(referral)
    tx.record(
        "referral.qualified",
        "Conversion qualified",
        detail=f"Friend number {case.friends} of this referrer; {len(grants)} rewards granted",
        **subject,
    )
    for grant in grants:
        record_grant(tx, grant)
    await tx.session.flush()
    await tx.write_facts()
    await budgets.reserve(tx, referral.campaign_id, faces)


async def _count(tx: Transaction, case: _Case, granted: int) -> None:
    referral = case.referral
    values = {"campaign": referral.campaign_id, "referrer": referral.referrer_id}
    counted = {"count": case.friends, "number": case.number, "granted": granted}
    await tx.session.execute(_COUNT, values | counted)


def _settle(
    tx: Transaction, referral: Referral, status: ReferralStatus, verdicts: list[Verdict]
) -> None:
    referral.status, referral.updated_at = status, tx.now
    referral.verdicts = [verdict.model_dump(mode="json") for verdict in verdicts]


async def _reject(tx: Transaction, referral: Referral, verdicts: list[Verdict]) -> Decision:
    await marks.give_up(tx, referral)
    reasons = " ".join(verdict.detail for verdict in verdicts if not verdict.passed)
    referral.reason = reasons
    _settle(tx, referral, ReferralStatus.REJECTED, verdicts)
    tx.record("referral.rejected", "Conversion rejected", detail=reasons, **subject_of(referral))
    return Decision(qualified=False)


async def _reject_for_budget(
    tx: Transaction, start: ReferralStart, spent: budgets.BudgetSpent
) -> Decision:
    """All of a conversion's grants fit into the budget, or none is made."""
    case = await _read(tx, start)
    if case.referral.status != ReferralStatus.CONVERTED:
        return await _decided_before(tx, case.referral)
    limit, needed = case.terms.limits.budget, spent.needed
    verdicts = await _judged(tx, case, (await _earned(tx, case))[0])
    ceiling = limit.amount if limit else 0
    verdicts.append(budget_verdict(False, needed.amount, needed.currency, ceiling))
    return await _reject(tx, case.referral, verdicts)


async def _decided_before(tx: Transaction, referral: Referral) -> Decision:
    grants = await tx.session.scalars(select(Grant).where(col(Grant.referral_id) == referral.id))
    return Decision(qualified=referral.ordinal is not None, grants=tasks_of(grants))
