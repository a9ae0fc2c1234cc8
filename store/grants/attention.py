"""Parking a grant that cannot proceed, and taking it up again."""

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
    """Is there an order under which a card exists, or may exist?"""
    states = await tx.session.scalars(
        select(col(Order.state)).where(col(Order.grant_id) == grant_id)
    )
    return any(state not in ENDED | {OrderState.PREPARED} for state in states)


async def park(tx: Transaction, grant: Grant, attention: Attention, detail: str) -> Step:
    """Set the grant aside with its reason. Says so once, not at every repeated try."""
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
    """The grant goes on: its reason is gone, or is being tried again."""
    if grant.status == status and grant.attention is None:
        return
    # A cause outside the grant is still there until an order gets through: the grant stays
    # marked while it tries again by itself, so that staff do not see it flicker.
    if status == GrantStatus.ORDERING and grant.attention in RESUMES_BY_ITSELF:
        return
    set_status(tx, grant, status)
    await refresh_referral(tx, await lock_referral(tx, grant.referral_id))
