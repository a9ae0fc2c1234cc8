"""A referral's standing, recomputed whenever one of its grants moves."""

from __future__ import annotations

from sqlalchemy import bindparam, func, select, update
from sqlmodel import col

from domain.grants import GrantStatus
from domain.referrals import ReferralStatus, held_by, status_of
from store.database import Transaction
from store.tables import Grant, Referral

_TITLES = {
    ReferralStatus.COMPLETED: "Referral completed",
    ReferralStatus.NEEDS_ATTENTION: "Referral needs attention",
    ReferralStatus.REVERSED: "Referral reversed",
}

# Built once: putting a statement together takes longer than running it.
_LOCK = select(Referral).where(col(Referral.id) == bindparam("referral_id")).with_for_update()
_STATUSES = select(col(Grant.status)).where(col(Grant.referral_id) == bindparam("referral_id"))
_SET = (
    update(Referral)
    .where(col(Referral.id) == bindparam("referral_id"))
    .values(status=bindparam("word"), updated_at=func.now())
    .execution_options(synchronize_session=False)
)


async def lock_referral(tx: Transaction, referral_id: str) -> Referral:
    """Take the referral's row first: two of its grants that come to rest at the same moment must
    see each other, or neither would see that it was the last."""
    return (await tx.session.scalars(_LOCK, {"referral_id": referral_id})).one()


async def refresh_standing(tx: Transaction, referral: Referral) -> None:
    """Set the referral's status from its grants. The caller holds its lock."""
    await tx.session.flush()
    statuses = await tx.session.scalars(_STATUSES, {"referral_id": referral.id})
    undone = referral.reversed_at is not None
    status = status_of((GrantStatus(status) for status in statuses), undone=undone)
    if referral.ordinal is None:
        status = _without_count(referral, status)
    denied = referral.status == ReferralStatus.REJECTED
    if status == referral.status or (denied and status is ReferralStatus.REVERSED):
        return
    await tx.session.execute(_SET, {"referral_id": referral.id, "word": status})
    if status in _TITLES:
        tx.record(
            f"referral.{status}",
            _TITLES[status],
            referral_id=referral.id,
            campaign_id=referral.campaign_id,
            customer_id=referral.referee_id,
        )


def _without_count(referral: Referral, status: ReferralStatus) -> ReferralStatus:
    """Grants of a referral that does not count are from before it was reinstated: they decide
    nothing about a conversion that is held, is to be judged, or was rejected since."""
    before = ReferralStatus(referral.status)
    held = held_by(referral.status, referral.reason) is not None
    if held or before not in (ReferralStatus.REJECTED, ReferralStatus.NEEDS_ATTENTION):
        return before
    attention = status is ReferralStatus.NEEDS_ATTENTION
    return status if attention else ReferralStatus.REJECTED
