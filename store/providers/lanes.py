"""Stops a provider's lane when its deposit is empty or our credentials are refused, and opens it
again when one order succeeds: not every waiting order must be refused."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from domain.grants import Attention
from store.database import Transaction
from store.tables import Lane


async def stop(
    tx: Transaction, provider: str, attention: Attention, detail: str, probe_in: timedelta
) -> None:
    """Stop the lane, or prolong the stop. The event that notifies finance is written once."""
    inserted = await tx.session.execute(
        insert(Lane)
        .values(
            provider=provider,
            attention=attention,
            detail=detail,
            since=tx.now,
            probe_at=tx.now + probe_in,
        )
        .on_conflict_do_nothing()
        .returning(col(Lane.provider))
    )
    if inserted.scalar() is not None:
        title = f"Orders at {provider} stopped: {attention.replace('_', ' ')}"
        data = {"provider": provider, "reason": attention}
        tx.record("lane.stopped", title, detail=detail, data=data)


async def may_probe(tx: Transaction, lane: Lane, every: timedelta) -> bool:
    """One of the waiting orders at a time may try whether the cause is gone."""
    won = await tx.session.execute(
        update(Lane)
        .where(
            col(Lane.provider) == lane.provider,
            col(Lane.probe_at) == lane.probe_at,
            col(Lane.probe_at) <= tx.now,
        )
        .values(probe_at=tx.now + every)
        .returning(col(Lane.provider))
        .execution_options(synchronize_session=False)
    )
    return won.scalar() is not None


async def probe_now(tx: Transaction, provider: str) -> None:
    """Let the next order try now, whenever the next probe was due."""
    await tx.session.execute(
        update(Lane)
        .where(col(Lane.provider) == provider, col(Lane.probe_at) > tx.now)
        .values(probe_at=tx.now)
        .execution_options(synchronize_session=False)
    )


async def reopen(tx: Transaction, provider: str) -> None:
    """Open the lane: an order got through."""
    removed = await tx.session.execute(
        delete(Lane).where(col(Lane.provider) == provider).returning(col(Lane.provider))
    )
    if removed.scalar() is not None:
        tx.record(
            "lane.reopened", f"Orders at {provider} go out again", data={"provider": provider}
        )
