"""How far the events were read for distributions: one position for all of them.

It moves by compare-and-set, in the transaction that writes the messages. So an event is read once,
and a kill between the two loses nothing.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from domain.feed import Place
from store.database import Database, ReadSession, Transaction
from store.tables import MessageDistribution, MessagePosition

_ONLY = 1
_SILENT = timedelta(hours=2)
_OLDEST = text("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")


async def present(tx: Transaction) -> Place:
    """The place that later events are behind."""
    return Place(int(await tx.session.scalar(_OLDEST) or 0), 0)


async def begin(tx: Transaction, place: Place) -> None:
    """Start reading at `place`, if nobody reads: the first distribution was switched on."""
    active = select(col(MessageDistribution.id)).where(
        col(MessageDistribution.active), col(MessageDistribution.deleted_at).is_(None)
    )
    row = {"id": _ONLY, "xid": place.xid, "seq": place.seq}
    statement = insert(MessagePosition).values(row)
    if (await tx.session.scalars(active.limit(1))).first() is not None:
        await tx.session.execute(statement.on_conflict_do_nothing())
    else:
        await tx.session.execute(
            statement.on_conflict_do_update(
                index_elements=["id"], set_={"xid": place.xid, "seq": place.seq}
            )
        )


async def read(session: ReadSession) -> Place | None:
    """None: no distribution was ever switched on."""
    row = await session.get(MessagePosition, _ONLY)
    return Place(row.xid, row.seq) if row else None


async def move(tx: Transaction, before: Place, place: Place) -> bool:
    """False: another run has moved it; the caller must roll back what it wrote."""
    moved = await tx.session.execute(
        update(MessagePosition)
        .where(
            col(MessagePosition.id) == _ONLY,
            col(MessagePosition.xid) == before.xid,
            col(MessagePosition.seq) == before.seq,
        )
        .values(xid=place.xid, seq=place.seq)
        .returning(col(MessagePosition.id))
    )
    return moved.scalar() is not None


async def take_up(database: Database) -> None:
    """Record that a worker reads now."""
    async with database.transaction() as tx:
        await tx.session.execute(update(MessagePosition).values(read_at=tx.now))


async def is_unattended(database: Database) -> bool:
    """Whether a distribution is active and no worker reads for it, or not for long."""
    async with database.transaction() as tx:
        row = await tx.session.get(MessagePosition, _ONLY)
        if row is None or (row.read_at is not None and row.read_at > tx.now - _SILENT):
            return False
        active = select(col(MessageDistribution.id)).where(
            col(MessageDistribution.active), col(MessageDistribution.deleted_at).is_(None)
        )
        return (await tx.session.scalars(active.limit(1))).first() is not None
