"""A person's decision before anything is ordered, for all of a referral's grants at once."""

from __future__ import annotations

from sqlalchemy import select
from sqlmodel import col

from domain.grants import ACT_WITHIN, AT_REST, GrantStatus
from domain.ids import Prefix, digest, new_id
from domain.messages import Next, ReviewRequest, Step
from domain.referrals import ReferralStatus
from domain.refusals import NotAllowedInState
from domain.reversal import Cause
from store.database import Transaction
from store.grants.state import lock_grant, lock_referral, refresh_referral, set_status
from store.ledger import budgets
from store.marks import changes
from store.staff import requests
from store.staff.cancel import cancel_grant, event_details
from store.tables import Grant, Referral, Reversal, StaffAction


async def begin(tx: Transaction, grant_id: str) -> Step:
    """The grant's hold is over: it now waits for a person. Nothing to do if it was cancelled
    meanwhile, for example by erasing its recipient."""
    grant = await lock_grant(tx, grant_id)
    if grant.status != GrantStatus.HELD:
        return Step(next=Next.REST if grant.status in AT_REST else Next.ORDER)
    referral = await lock_referral(tx, grant.referral_id)
    set_status(tx, grant, GrantStatus.IN_REVIEW, due_at=tx.now + ACT_WITHIN)
    tx.record("grant.in_review", "Waits for a person's decision", **grant.event_ids)
    await refresh_referral(tx, referral)
    return Step(next=Next.ORDER)


async def approve(tx: Transaction, request: ReviewRequest, carrier: str) -> None:
    """Release the grants to be ordered, and accept what the two people share with others. Raises
    NotAllowedInState if none is in review."""
    # First, because marks are locked before grants.
    await _clear_marks(tx, request.referral_id)
    grants = await _lock(tx, request)
    if not grants:
        return
    referral = await lock_referral(tx, request.referral_id)
    for grant in grants:
        set_status(tx, grant, GrantStatus.ORDERING)
        grant.workflow_id = carrier
    await _record(tx, "referral.approved", "Approved by staff", request, referral)
    await refresh_referral(tx, referral)


async def _clear_marks(tx: Transaction, referral_id: str) -> None:
    """The approver has seen who shares what with whom."""
    verdicts = await tx.session.scalar(
        select(col(Referral.verdicts)).where(col(Referral.id) == referral_id)
    )
    for one in verdicts or []:
        if one.get("flagged") and "same_as" in one["numbers"]:
            kind = one["check"].removeprefix("same_")
            await changes.clear(tx, one["numbers"]["customer_id"], kind)


async def deny(tx: Transaction, request: ReviewRequest, carrier: str) -> None:
    """Cancel the grants and reject the referral. Raises NotAllowedInState if none is in review."""
    grants = await _lock(tx, request)
    if not grants:
        return
    referral = await lock_referral(tx, request.referral_id)
    faces = [face for grant in grants if (face := cancel_grant(tx, grant))]
    for grant in grants:
        grant.workflow_id = carrier
    await _record(tx, "referral.denied", "Denied by staff", request, referral)
    _uncount(tx, request, referral)
    for grant in grants:
        tx.record("grant.cancelled", "Cancelled: the referral was denied", **grant.event_ids)
    await _reject(tx, referral)
    await tx.session.flush()
    await tx.write_facts()
    for face in faces:
        await budgets.release(tx, referral.campaign_id, face)


async def _lock(tx: Transaction, request: ReviewRequest) -> list[Grant]:
    """The grants to decide about; none if this request was carried out before."""
    statement = (
        select(Grant)
        .where(col(Grant.referral_id) == request.referral_id, col(Grant.review).is_(True))
        .where(col(Grant.status).in_((GrantStatus.HELD, GrantStatus.IN_REVIEW)))
        .order_by(col(Grant.id))
        .with_for_update()
    )
    grants = list(await tx.session.scalars(statement))
    if any(grant.status == GrantStatus.IN_REVIEW for grant in grants):
        return grants
    asked = await tx.session.get(StaffAction, request.request_id)
    if asked is None or asked.done_at is None:
        raise NotAllowedInState("Nothing is in review any more.")
    return []


async def _record(
    tx: Transaction, type: str, title: str, request: ReviewRequest, referral: Referral
) -> None:
    asked = await requests.begin(tx, request.request_id)
    tx.record(
        type,
        title,
        **event_details(request, asked),
        **referral.event_ids,
    )


async def _reject(tx: Transaction, referral: Referral) -> None:
    """A referral without any remaining reward ends as rejected."""
    await tx.session.flush()
    statuses = await tx.session.scalars(
        select(col(Grant.status)).where(col(Grant.referral_id) == referral.id)
    )
    if set(statuses) != {GrantStatus.CANCELLED}:
        await refresh_referral(tx, referral)
        return
    referral.status, referral.updated_at = ReferralStatus.REJECTED, tx.now
    referral.reason = "Denied in review."


def _uncount(tx: Transaction, request: ReviewRequest, referral: Referral) -> None:
    """A denied friend no longer counts, here and in the tiers: a reversal of the whole, which the
    workflow carries out next."""
    rounds = [str(referral.round)] if referral.round else []
    denial = digest(request.referral_id, "denied", *rounds)
    reversal = Reversal(
        id=new_id(Prefix.REVERSAL),
        referral_id=request.referral_id,
        identity=denial,
        cause=Cause.DENIAL,
        round=referral.round,
        actor=request.actor,
        created_at=tx.now,
    )
    tx.session.add(reversal)
    referral.reversal_id, referral.undone = reversal.id, True
