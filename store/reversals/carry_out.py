"""Carries a reversal out: the referral, the referrer's count, and every affected grant.

Lock order: the referrer's progress first, as in qualification, so that a reversal and a conversion
of one referrer take turns; then grants with their orders, then referrals, each by id; receivables;
the budget last."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import func, or_, select, update
from sqlmodel import col

from domain.campaigns import OnReversal, Tier
from domain.grants import AT_REST, GrantStatus
from domain.messages import Next, Reversed, Undoing
from domain.money import words
from domain.referrals import ReferralStatus, held_by
from domain.reversal import share
from domain.tiers import falls_below
from store.database import Transaction
from store.grants import stops
from store.grants.create import task_of
from store.grants.state import lock_grant, lock_order, lock_referral, refresh_referral
from store.ledger.budget_changes import BudgetChanges
from store.referrals import reinstatement
from store.referrals.progress import lock_progress
from store.reversals.request import Refunded, refunded_of
from store.reversals.undo_grant import undo, value
from store.tables import Grant, Referral, ReferrerProgress, Reversal
from store.terms import milestone_tier


async def carry_out(tx: Transaction, referral_id: str) -> Reversed:
    """Record on every grant what all refunds of the referral together undo of it, and undo what can
    be undone at once.

    Returns what must be asked of the providers. Safe to repeat: what has been undone is no longer
    due."""
    case = await _read(tx, referral_id)
    if case.referral.ordinal is None:
        ended = await _reject(tx, case)
        return Reversed(ended=ended, judge=not ended and reinstatement.is_unjudged(case.referral))
    falls = case.refunded.whole and case.referral.reversed_at is None
    if falls:
        await _count_down(tx, case)
    grants = await _concerned(tx, case, falls=falls)
    _set_due(case, grants)
    changes, undoings = BudgetChanges(case.referral.campaign_id), []
    for grant in grants:
        after = await undo(
            tx,
            grant,
            await lock_order(tx, grant.id),
            changes,
            whole_or_owed=case.is_milestone(grant),
        )
        undoings.append(_undoing(grant, after))
    undoings += await _ended_otherwise(tx, case, grants)
    await _settle(tx, case, grants)
    await changes.apply(tx)
    return Reversed(undoings=undoings, resumed=await stops.resumable(tx, referral_id))


async def reject_refunded(tx: Transaction, referral: Referral) -> None:
    """All of a conversion was refunded before it is judged: reject it without counting. The caller
    holds the referrer's progress."""
    refunded = await refunded_of(tx, referral)
    await _reject(tx, _Case(referral, referral.reversal_id or "", refunded, 0, {}))


async def settle_grant(tx: Transaction, grant_id: str, *, keeps: bool = False) -> Undoing:
    """Look again at a grant with something due: its order's outcome may be known by now. `keeps`:
    its provider does not take the card back. Returns what is left, like `undo`."""
    grant = await lock_grant(tx, grant_id)
    order = await lock_order(tx, grant_id)
    referral = await lock_referral(tx, grant.referral_id)
    changes = BudgetChanges(grant.campaign_id)
    left = await undo(tx, grant, order, changes, keeps=keeps)
    await refresh_referral(tx, referral)
    await changes.apply(tx)
    return _undoing(grant, left)


def _undoing(grant: Grant, left: Next | None) -> Undoing:
    """Nothing left means that its journey ends, or continues unchanged."""
    rests = grant.status in AT_REST
    return Undoing(task=task_of(grant), next=left or (Next.REST if rests else None))


class _Case(NamedTuple):
    """A reversal and what it concerns, read while the referrer's lock is held."""

    referral: Referral
    reversal_id: str
    refunded: Refunded
    friends: int
    """The referrer's unique referees, before this."""
    milestones: dict[tuple[str, str], Tier]
    """(tier, its grant's referral) of every milestone among the grants; filled as they are read."""

    def is_milestone(self, grant: Grant) -> bool:
        return (grant.reason, grant.referral_id) in self.milestones


async def _read(tx: Transaction, referral_id: str) -> _Case:
    found = await tx.session.get_one(Referral, referral_id)
    progress = await lock_progress(tx, found.campaign_id, found.referrer_id)
    # What was qualified while this waited for the lock is visible from here on.
    await tx.session.refresh(found)
    if found.reinstating is not None:
        await reinstatement.apply(tx, found)
    latest = await tx.session.scalar(
        select(func.max(Reversal.id)).where(
            col(Reversal.referral_id) == referral_id, col(Reversal.round) == found.round
        )
    )
    refunded = await refunded_of(tx, found)
    return _Case(found, str(latest), refunded, progress.friends, {})


async def _reject(tx: Transaction, case: _Case) -> bool:
    """Nothing is granted yet. If wholly undone, the referral ends here; a share is taken off its
    grants once they exist. If it has already ended, like an erased friend's, its workflow ends too.
    """
    if case.referral.status in (ReferralStatus.REJECTED, ReferralStatus.EXPIRED):
        await _mark(tx, case)
        return True
    if not case.refunded.whole:
        return False
    referral = await lock_referral(tx, case.referral.id)
    await _mark(tx, case)
    open_ = referral.status in (ReferralStatus.WAITING, ReferralStatus.CONVERTED)
    if not open_ and held_by(referral.status, referral.reason) is None:
        return True
    referral.status, referral.updated_at = ReferralStatus.REJECTED, tx.now
    referral.reason, referral.reversed_at = "Reversed before it qualified.", tx.now
    tx.record("referral.rejected", "Reversed before it qualified", **referral.event_ids)
    return True


async def _count_down(tx: Transaction, case: _Case) -> None:
    """One unique referee less. The number of conversions stays: none is reused."""
    await tx.session.execute(
        update(ReferrerProgress)
        .where(
            col(ReferrerProgress.campaign_id) == case.referral.campaign_id,
            col(ReferrerProgress.referrer_id) == case.referral.referrer_id,
        )
        .values(unique_referees=col(ReferrerProgress.unique_referees) - 1)
    )


async def _concerned(tx: Transaction, case: _Case, *, falls: bool) -> list[Grant]:
    """The referral's own grants; and if the count falls, every milestone that it falls below,
    whichever friend had reached it. Locked."""
    referral = case.referral
    own = or_(
        col(Grant.referral_id) == referral.id,
        # Grants that this referral has undone before and that are not settled yet.
        (col(Grant.reversed_by) == case.reversal_id)
        & (col(Grant.reversal_due) > col(Grant.reversed_amount)),
    )
    statement = (
        select(Grant, col(Referral.campaign_version))
        .join(Referral, col(Referral.id) == Grant.referral_id)
        .where(
            or_(
                own,
                (col(Grant.campaign_id) == referral.campaign_id)
                & (col(Grant.recipient_id) == referral.referrer_id)
                & (col(Grant.role) == "referrer")
                & (func.coalesce(col(Grant.friends_counted), col(Grant.ordinal)) >= case.friends),
            )
            if falls
            else own
        )
        .order_by(col(Grant.id))
        .with_for_update(of=Grant)
        .execution_options(populate_existing=True)
    )
    concerned = []
    for grant, version in (await tx.session.execute(statement)).all():
        tier = await milestone_tier(tx, grant.campaign_id, version, grant.reason)
        if tier is not None:
            case.milestones[grant.reason, grant.referral_id] = tier
        fallen = falls and tier is not None and _is_undone(tier, grant, case.friends - 1)
        own_share = tier is None and grant.referral_id == referral.id
        if fallen or own_share or grant.reversed_by == case.reversal_id:
            concerned.append(grant)
    return concerned


async def _ended_otherwise(tx: Transaction, case: _Case, concerned: list[Grant]) -> list[Undoing]:
    """Grants of the referral that no refund concerns, and that were cancelled without their
    journeys, like an erased person's: those end too."""
    known = {grant.id for grant in concerned}
    cancelled = await tx.session.scalars(
        select(Grant)
        .where(
            col(Grant.referral_id) == case.referral.id,
            col(Grant.status) == GrantStatus.CANCELLED,
        )
        .order_by(col(Grant.id))
    )
    return [_undoing(grant, None) for grant in cancelled if grant.id not in known]


def _is_undone(tier: Tier, grant: Grant, friends: int) -> bool:
    """Whether the lower count takes the milestone's grant back."""
    if tier.on_reversal is not OnReversal.UNDO:
        return False
    return falls_below(tier, grant.friends_counted or grant.ordinal, friends)


def _set_due(case: _Case, grants: list[Grant]) -> None:
    refunded = case.refunded
    for grant in grants:
        worth = value(grant)
        if refunded.whole:
            due = worth
        elif grant.unit and refunded.paid:
            due = share(worth, refunded.amount, refunded.paid)
        else:
            continue
        if due > grant.reversal_due:
            grant.reversal_due, grant.reversed_by = due, case.reversal_id


async def _settle(tx: Transaction, case: _Case, grants: list[Grant]) -> None:
    """Each referral's status, and the event of this one."""
    await tx.session.flush()
    for referral_id in sorted({case.referral.id, *(grant.referral_id for grant in grants)}):
        referral = await lock_referral(tx, referral_id)
        if referral_id == case.referral.id and case.refunded.whole:
            referral.reversed_at = referral.reversed_at or tx.now
        await refresh_referral(tx, referral)
    await _mark(tx, case)


async def _mark(tx: Transaction, case: _Case) -> None:
    """Mark the reversals that this carries out; one event for each."""
    marked = await tx.session.scalars(
        update(Reversal)
        .where(
            col(Reversal.referral_id) == case.referral.id, col(Reversal.carried_out_at).is_(None)
        )
        .values(carried_out_at=tx.now)
        .returning(col(Reversal.id))
    )
    refunded, unit = case.refunded, case.referral.order_currency
    what = (
        "all of it"
        if refunded.whole or refunded.paid is None
        else f"{words(refunded.amount, unit)} of {words(refunded.paid, unit)}"
    )
    for reversal_id in sorted(marked):
        tx.record(
            "referral.reversal_carried_out",
            "Reversal carried out",
            detail=f"Undone so far: {what}.",
            data={"reversal_id": reversal_id},
            **case.referral.event_ids,
        )
