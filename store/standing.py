"""A referral's standing, recomputed whenever one of its grants moves."""

from __future__ import annotations

from sqlalchemy import func, select, update
from sqlmodel import col

from domain.grants import GrantStatus
from domain.referrals import ReferralStatus, status_of
from store.database import Transaction
from store.tables import Grant, Referral

_TITLES = {
    ReferralStatus.COMPLETED: "Referral completed",
    ReferralStatus.NEEDS_ATTENTION: "Referral needs attention",
}


async def lock_referral(tx: Transaction, referral_id: str) -> Referral:
    """Take the referral's row first: two of its grants that come to rest at the same moment must
    see each other, or neither would see that it was the last."""
    statement = select(Referral).where(col(Referral.id) == referral_id).with_for_update()
    return (await tx.session.scalars(statement)).one()


async def refresh_standing(tx: Transaction, referral: Referral) -> None:
    """Set the referral's status from its grants. The caller holds its lock."""
    await tx.session.flush()
    statuses = await tx.session.scalars(
        select(col(Grant.status)).where(col(Grant.referral_id) == referral.id)
    )
    status = status_of(GrantStatus(status) for status in statuses)
    if status == referral.status:
        return
    await tx.session.execute(
        update(Referral)
        .where(col(Referral.id) == referral.id)
        .values(status=status, updated_at=func.now())
        .execution_options(synchronize_session=False)
    )
    if status in _TITLES:
        tx.record(
            f"referral.{status}",
            _TITLES[status],
            referral_id=referral.id,
            campaign_id=referral.campaign_id,
            customer_id=referral.referee_id,
        )
