"""Parks a grant that cannot proceed, and resumes it."""

from __future__ import annotations

from sqlalchemy import select
from sqlmodel import col

from domain.grants import ACT_WITHIN, RESUMES_BY_ITSELF, Attention, GrantStatus
from domain.messages import Next, Step
from domain.orders import ENDED, OrderState
from store.database import Transaction
from store.grants.state import lock_referral, refresh_referral, set_status
from store.tables import Grant, Order


async def may_exist(tx: Transaction, grant_id: str) -> bool:
    """Whether there is an order under which a card exists, or may exist."""
    states = await tx.session.scalars(
        select(col(Order.state)).where(col(Order.grant_id) == grant_id)
    )
    return any(state not in ENDED | {OrderState.PREPARED} for state in states)


async def park(tx: Transaction, grant: Grant, attention: Attention, detail: str) -> Step:
    """Park the grant with its reason. The event is written once, not at every retry."""
    await tx.session.flush()
    referral = await lock_referral(tx, grant.referral_id)
    if grant.attention != attention or grant.status != GrantStatus.NEEDS_ATTENTION:
        tx.record(
            f"grant.{attention}",
            f"Needs attention: {attention.replace('_', ' ')}",
            detail=detail,
            **grant.event_ids,
        )
        grant.due_at = tx.now + ACT_WITHIN
    set_status(
        tx,
        grant,
        GrantStatus.NEEDS_ATTENTION,
        attention=attention,
        detail=detail,
        due_at=grant.due_at,
    )
    await refresh_referral(tx, referral)
    return Step(
        next=Next.ATTEND, attention=attention, cancellable=not await may_exist(tx, grant.id)
    )


async def clear_attention(tx: Transaction, grant: Grant, status: GrantStatus) -> None:
    """The grant continues: its reason is gone, or is being tried again."""
    if grant.status == status and grant.attention is None:
        return
    # A cause outside the grant lasts until an order gets through. The grant stays parked while it
    # retries automatically, so that its status does not flicker.
    if status == GrantStatus.ORDERING and grant.attention in RESUMES_BY_ITSELF:
        return
    goes_on = grant.attention is None and grant.status in _UNDER_WAY
    set_status(tx, grant, status)
    if goes_on and status in _UNDER_WAY:
        return  # nothing that the referral's status could tell
    await refresh_referral(tx, await lock_referral(tx, grant.referral_id))


_UNDER_WAY = (GrantStatus.ORDERING, GrantStatus.ORDERED)
