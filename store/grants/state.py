"""The state of a grant and of its referral: locks their rows, and sets their status."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, func, select, update
from sqlmodel import col

from domain.grants import Attention, GrantStatus
from domain.referrals import ReferralStatus, held_by, status_of
from domain.refusals import NotFound
from store.database import Transaction
from store.tables import Grant, Order, Referral

_TITLES = {
    ReferralStatus.COMPLETED: "Referral completed",
    ReferralStatus.NEEDS_ATTENTION: "Referral needs attention",
    ReferralStatus.REVERSED: "Referral reversed",
}

# Built once: building a statement takes longer than executing it. Rows are read as they are once
# the lock is held, not as this transaction saw them before it waited.
_LOCK_GRANT = (
    select(Grant)
    .where(col(Grant.id) == bindparam("grant_id"))
    .with_for_update()
    .execution_options(populate_existing=True)
)
_LOCK_ORDER = (
    select(Order)
    .where(col(Order.grant_id) == bindparam("grant_id"))
    .order_by(col(Order.generation).desc())
    .limit(1)
    .with_for_update()
    .execution_options(populate_existing=True)
)
_LOCK_REFERRAL = (
    select(Referral)
    .where(col(Referral.id) == bindparam("referral_id"))
    .with_for_update()
    .execution_options(populate_existing=True)
)
_STATUSES = select(col(Grant.status)).where(col(Grant.referral_id) == bindparam("referral_id"))
_SET = (
    update(Referral)
    .where(col(Referral.id) == bindparam("referral_id"))
    .values(status=bindparam("word"), updated_at=func.now())
    .execution_options(synchronize_session=False)
)


async def lock_grant(tx: Transaction, grant_id: str) -> Grant:
    """The grant's row, locked; always before its order's and its referral's."""
    return (await tx.session.scalars(_LOCK_GRANT, {"grant_id": grant_id})).one()


async def lock_order(tx: Transaction, grant_id: str) -> Order | None:
    """The grant's newest order, locked. The caller holds the grant's lock."""
    return (await tx.session.scalars(_LOCK_ORDER, {"grant_id": grant_id})).one_or_none()


async def lock_referral(tx: Transaction, referral_id: str) -> Referral:
    """The referral's row, locked before its status is set.

    If two of its grants finish at the same moment, each must see the other, or neither would see
    that it was the last. Raises NotFound."""
    found = await tx.session.scalars(_LOCK_REFERRAL, {"referral_id": referral_id})
    referral = found.one_or_none()
    if referral is None:
        raise NotFound("referral", referral_id)
    return referral


def set_status(
    tx: Transaction,
    grant: Grant,
    status: GrantStatus,
    *,
    attention: Attention | None = None,
    detail: str | None = None,
    due_at: datetime | None = None,
) -> None:
    """The caller holds the grant's lock."""
    grant.status, grant.attention, grant.attention_detail = status, attention, detail
    grant.due_at, grant.updated_at = due_at, tx.now


async def refresh_referral(tx: Transaction, referral: Referral) -> None:
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
            **referral.event_ids,
        )


def _without_count(referral: Referral, status: ReferralStatus) -> ReferralStatus:
    """Grants of a referral that does not count are from before it was reinstated: they say nothing
    about a conversion that is held, is to be judged, or was rejected since."""
    before = ReferralStatus(referral.status)
    held = held_by(referral.status, referral.reason) is not None
    if held or before not in (ReferralStatus.REJECTED, ReferralStatus.NEEDS_ATTENTION):
        return before
    attention = status is ReferralStatus.NEEDS_ATTENTION
    return status if attention else ReferralStatus.REJECTED
