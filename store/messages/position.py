"""How far the events were read for distributions: one position for all of them.

It moves by compare-and-set, in the transaction that writes the messages. So an event is read once,
and a kill between the two loses nothing."""

from __future__ import annotations

from sqlalchemy import text, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from domain.feed import Place
from store.database import ReadSession, Transaction
from store.tables import MessagePosition

_ONLY = 1
_OLDEST = text("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")


async def present(session: ReadSession | Transaction) -> Place:
    """The place that later events are behind."""
    plain = session.session if isinstance(session, Transaction) else session
    return Place(int(await plain.scalar(_OLDEST) or 0), 0)


async def read(session: ReadSession) -> Place | None:
    """None: nothing was read yet."""
    row = await session.get(MessagePosition, _ONLY)
    return Place(row.xid, row.seq) if row else None


async def begin(tx: Transaction, place: Place) -> None:
    """Read from `place` on, unless somebody has begun."""
    first = insert(MessagePosition).values(id=_ONLY, xid=place.xid, seq=place.seq)
    await tx.session.execute(first.on_conflict_do_nothing())


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
