"""Qualification: one transaction that judges a conversion and records what it earns.

Lock order: the referrer's progress row first, so that concurrent conversions of one code are judged
one after the other; the campaign's budget last."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlmodel import col

from domain.campaigns import Review, WhenReferrerFull
from domain.grants import GrantStatus
from domain.messages import Decision, Next, ReferralStart, Step
from domain.referrals import ReferralStatus, held_by
from domain.rewards import reward_of
from domain.tiers import reached
from domain.verdict import Verdict
from domain.verdicts import (
    REFERRER_ERASED,
    Facts,
    budget_verdict,
    cannot_count,
    friend_alone,
    full_tiers,
    room_left,
)
from store.database import Database, Transaction
from store.grants.create import earned, send_to_review, tasks_of
from store.grants.milestones import earned_before
from store.grants.order_keys import freeze_keys
from store.grants.resume import resumed
from store.ledger import budgets
from store.outbox.enqueue import start_of
from store.qualification import case as cases
from store.qualification import checks
from store.qualification.accept import accept, reject
from store.qualification.case import Case
from store.qualification.reopen import Again, own_before, reopen, split_by_reopened
from store.reversals.carry_out import reject_refunded
from store.tables import Grant, Order, Referral


async def judge_again(database: Database, referral_id: str, carrier: str) -> Decision:
    """Judge a reinstated referral like any other. A repeat returns the same decision. `carrier`:
    the workflow that handles the grants."""
    async with database.reading() as session:
        referral = await session.get_one(Referral, referral_id)
    return await qualify(database, start_of(referral), carrier)


async def qualify(database: Database, start: ReferralStart, carrier: str | None = None) -> Decision:
    """Judge the referral's conversion once. A repeat returns the same decision. `carrier`: the
    workflow that handles the grants, if not the referral's own."""
    try:
        async with database.transaction() as tx:
            return await _decide(tx, start, carrier)
    except budgets.BudgetSpent as spent:
        async with database.transaction() as tx:
            return await _reject_for_budget(tx, start, spent)


async def _decide(tx: Transaction, start: ReferralStart, carrier: str | None) -> Decision:
    case = await cases.read(tx, start)
    if not _is_open(case.referral):
        return await _decided_before(tx, case.referral, carrier)
    if case.referral.undone:
        await reject_refunded(tx, case.referral)
        return Decision(qualified=False)
    grants, again, verdicts = await _weighed(tx, case)
    if not all(verdict.passed for verdict in verdicts):
        return await reject(tx, case.referral, verdicts)
    return await _grant(tx, case, grants, again, verdicts, carrier)


async def _grant(
    tx: Transaction,
    case: Case,
    grants: list[Grant],
    again: list[Again],
    verdicts: list[Verdict],
    carrier: str | None = None,
) -> Decision:
    reopened = await reopen(tx, again)
    kept = [one.grant for one in again if one.grant not in reopened]
    _flag(tx, case, [*grants, *reopened], verdicts)
    for grant in [*grants, *reopened]:
        grant.workflow_id = carrier or grant.workflow_id
    await freeze_keys(tx, grants, case.referral)
    await accept(tx, case, grants, reopened, verdicts, kept=kept)
    tasks = tasks_of([*grants, *reopened])
    return Decision(qualified=True, grants=tasks, reversal_id=case.referral.reversal_id)


async def qualify_at_redemption(tx: Transaction, start: ReferralStart) -> None:
    """Judge a conversion in the transaction that gives the friend a discount, so that both are
    given or neither is.

    Must be the transaction's last step, because the campaign's budget is locked. Raises
    CannotCount, in the words of the failed check, and then nothing may be committed."""
    case = await cases.read(tx, start)
    if case.referral.status != ReferralStatus.CONVERTED:
        return
    if case.referral.undone:
        await reject_refunded(tx, case.referral)
        return
    grants, again, verdicts = await _weighed(tx, case)
    try:
        if all(verdict.passed for verdict in verdicts):
            await _grant(tx, case, grants, again, verdicts)
            return
    except budgets.BudgetSpent as spent:
        verdicts = [*verdicts, _too_little(case, spent)]
    raise cannot_count(verdicts)


async def must_qualify(tx: Transaction, start: ReferralStart) -> None:
    """The same for a reinstated conversion, which its workflow judges later: what that would refuse
    is refused here, and nothing is reserved. Must be the transaction's last step. Raises
    CannotCount."""
    case = await cases.read(tx, start)
    if case.referral.status != ReferralStatus.CONVERTED:
        return
    grants, again, verdicts = await _weighed(tx, case)
    if not all(verdict.passed for verdict in verdicts):
        raise cannot_count(verdicts)
    reopened = [one.fresh for one in again if one.grant.status == GrantStatus.CANCELLED]
    owed = [grant for grant in [*grants, *reopened] if grant.status != GrantStatus.CANCELLED]
    faces = [face for grant in owed if (face := reward_of(grant.reward).face)]
    await tx.session.flush()
    await tx.write_facts()
    try:
        await budgets.reserve(tx, case.referral.campaign_id, faces)
    except budgets.BudgetSpent as spent:
        raise cannot_count([*verdicts, _too_little(case, spent)]) from None
    for face in faces:
        await budgets.release(tx, case.referral.campaign_id, face)


async def _weighed(tx: Transaction, case: Case) -> tuple[list[Grant], list[Again], list[Verdict]]:
    """What the conversion earns, and the verdicts. If the terms say so, a full cap removes the
    referrer's grants, and keeps the friend's."""
    grants, again = await _earned(tx, case)
    verdicts = await _judged(tx, case, grants)
    if case.terms.when_referrer_full is WhenReferrerFull.FRIEND_ONLY:
        left = _within_caps(grants, verdicts)
        if len(left) < len(grants):
            told = friend_alone(verdicts)
            return left, again, [*await _judged(tx, case, left), told]
    return grants, again, verdicts


def _within_caps(grants: list[Grant], verdicts: list[Verdict]) -> list[Grant]:
    full, room = full_tiers(verdicts), room_left(verdicts)
    left = [one for one in grants if one.role == "referee" or one.reason not in full]
    referrers = sum(one.role == "referrer" for one in left)
    if room is not None and referrers > room:
        return [one for one in left if one.role == "referee"]
    return left


async def _earned(tx: Transaction, case: Case) -> tuple[list[Grant], list[Again]]:
    """The conversion's grants, and the milestones among them that were earned before."""
    campaign_id, referrer_id = case.referral.campaign_id, case.referral.referrer_id
    earlier = await earned_before(tx, case.terms, campaign_id, referrer_id, case.friends)
    tiers = reached(case.terms.tiers, case.friends, case.number, earlier.by_tier)
    grants = earned(case.referral, case.terms, tiers, tx.now, case.traits)
    return await split_by_reopened(tx, grants, earlier, await own_before(tx, case.referral))


async def _judged(tx: Transaction, case: Case, grants: list[Grant]) -> list[Verdict]:
    facts = _facts(case, grants)
    verdicts = await checks.run_checks(tx, case.referral, case.people, case.terms, facts, grants)
    return [*verdicts, REFERRER_ERASED] if case.referrer_erased else verdicts


def _flag(tx: Transaction, case: Case, grants: list[Grant], verdicts: list[Verdict]) -> None:
    """Under `review: flagged` a person decides about flagged conversions."""
    hits = " ".join(verdict.detail for verdict in verdicts if verdict.flagged)
    if not hits or case.terms.review is Review.NONE:
        return
    case.referral.reason = f"Flagged: {hits}"
    tx.record(
        "referral.flagged",
        "A check found something odd",
        detail=hits,
        **case.referral.event_ids,
    )
    for grant in grants:
        if grant.status in (GrantStatus.HELD, GrantStatus.ORDERING):
            send_to_review(grant, tx.now)


def _facts(case: Case, grants: list[Grant]) -> Facts:
    referral = case.referral
    return Facts(
        referrer_id=referral.referrer_id,
        referee_id=referral.referee_id,
        received_at=referral.converted_at or referral.created_at,
        occurred_at=(referral.conversion or {}).get("occurred_at"),
        expires_at=referral.expires_at,
        grants_to_referrer=case.granted,
        new_grants_to_referrer=sum(grant.role == "referrer" for grant in grants),
    )


async def _reject_for_budget(
    tx: Transaction, start: ReferralStart, spent: budgets.BudgetSpent
) -> Decision:
    """All of a conversion's grants fit into the budget, or none is created."""
    case = await cases.read(tx, start)
    if not _is_open(case.referral):
        return await _decided_before(tx, case.referral)
    _, _, verdicts = await _weighed(tx, case)
    return await reject(tx, case.referral, [*verdicts, _too_little(case, spent)])


def _too_little(case: Case, spent: budgets.BudgetSpent) -> Verdict:
    limit, needed = case.terms.limits.budget, spent.needed
    ceiling = limit.amount if limit else 0
    return budget_verdict(False, needed.amount, needed.currency, ceiling, spent.left)


def _is_open(referral: Referral) -> bool:
    """Whether there is a conversion to judge that nothing holds."""
    held = held_by(referral.status, referral.reason)
    return referral.status == ReferralStatus.CONVERTED and held is None


async def _decided_before(
    tx: Transaction, referral: Referral, carrier: str | None = None
) -> Decision:
    """The existing decision with its grants as they are now, from which a successor workflow
    continues. Grants that another workflow handles stay there."""
    if referral.ordinal is None and (pause := held_by(referral.status, referral.reason)):
        return Decision(qualified=False, paused=pause)
    rows = await tx.session.execute(
        select(Grant, Order)
        .outerjoin(Order, col(Order.grant_id) == col(Grant.id))
        .where(
            col(Grant.referral_id) == referral.id,
            col(Grant.workflow_id) == (carrier or referral.workflow_id),
        )
        .ext(distinct_on(col(Grant.id)))
        .order_by(col(Grant.id), col(Order.generation).desc())
    )
    found = [(grant, order) for grant, order in rows]
    # A grant that has not begun is returned as it was at first: a repeat gives the same answer.
    steps = {
        grant.id: step if step != Step(next=Next.ORDER) else None
        for grant, order in found
        if (step := resumed(grant, order))
    }
    tasks = tasks_of(grant for grant, _ in found)
    return Decision(
        qualified=referral.ordinal is not None,
        reversal_id=referral.reversal_id if referral.ordinal is not None else None,
        grants=[task.model_copy(update={"step": steps[task.grant_id]}) for task in tasks],
    )
