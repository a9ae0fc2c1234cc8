"""Sealing the ledger, and checking its seals.

A block takes entries of transactions that are all over: those below the oldest one that still
runs. Posting never waits for it, and an entry that commits late is never left out: its
transaction had held the boundary back.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import NamedTuple

from sqlalchemy import func, select, text
from sqlmodel import col

from domain.seals import GENESIS, Block, Break, Sealed, first_break, seal
from store.database import Database, ReadSession, Transaction
from store.pages import AnySelect
from store.tables import LedgerEntry, LedgerSeal, metadata

_ENTRIES = metadata.tables[str(LedgerEntry.__tablename__)]
_COLUMNS = [_ENTRIES.c[name] for name in Sealed._fields]
_OLDEST = text("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(7239105)")
MOST = 5000
"""Entries of a block, unless one transaction alone has more."""


class Checked(NamedTuple):
    """What a check found. `unsealed`: entries that no block holds yet. `head`: the last block's
    hash; written down elsewhere, it also shows that no block was cut off at the end."""

    blocks: int
    entries: int
    unsealed: int
    broken: Break | None
    head: bytes


async def seal_next(database: Database, most: int = MOST) -> int:
    """Seal one more block; how many entries it holds. 0 when there is nothing to seal."""
    async with database.transaction() as tx:
        await tx.session.execute(_ONE_AT_A_TIME)
        last = await tx.session.scalar(
            select(LedgerSeal).order_by(col(LedgerSeal.number).desc()).limit(1)
        )
        ends = last.to_xid if last else 0
        until = await _boundary(tx, ends, most)
        entries = await _entries(tx, ends, until)
        if not entries:
            return 0
        number, previous = (last.number + 1, last.hash) if last else (1, GENESIS)
        block = seal(number, ends, until, entries, previous)
        tx.session.add(LedgerSeal(**block._asdict(), sealed_at=tx.now))
        return len(entries)


async def _boundary(tx: Transaction, since: int, most: int) -> int:
    oldest = int(await tx.session.scalar(_OLDEST) or 0)
    xid = _ENTRIES.c.xid
    taken = select(xid).where(xid >= since, xid < oldest).order_by(xid).limit(most).subquery()
    last = await tx.session.scalar(select(func.max(taken.c.xid)))
    return oldest if last is None else int(last) + 1


async def _entries(tx: Transaction, since: int, until: int) -> list[Sealed]:
    statement = _within(since, until)
    return [Sealed(*row) for row in await tx.session.execute(statement)]


def _within(since: int, until: int) -> AnySelect:
    xid = _ENTRIES.c.xid
    return select(*_COLUMNS).where(xid >= since, xid < until).order_by(_ENTRIES.c.seq)


async def verify(database: Database) -> Checked:
    """Read every block and every entry again, block by block; stop at the first break."""
    blocks = entries = 0
    previous, ends = GENESIS, 0
    async with database.reading() as session:
        async for block in _blocks(session):
            found = [
                Sealed(*row) for row in await session.execute(_within(block.from_xid, block.to_xid))
            ]
            blocks, entries = blocks + 1, entries + len(found)
            if block.number != blocks:
                broken: Break | None = Break(blocks, None, "the block is missing")
            else:
                broken = first_break(block, found, previous, ends)
            if broken:
                return Checked(blocks, entries, 0, broken, previous)
            previous, ends = block.hash, block.to_xid
        unsealed = await session.scalar(
            select(func.count()).select_from(_ENTRIES).where(_ENTRIES.c.xid >= ends)
        )
    return Checked(blocks, entries, unsealed or 0, None, previous)


async def _blocks(session: ReadSession) -> AsyncIterator[Block]:
    number = 0
    statement = select(LedgerSeal).order_by(col(LedgerSeal.number)).limit(50)
    while rows := list(await session.scalars(statement.where(col(LedgerSeal.number) > number))):
        for row in rows:
            yield Block(**row.model_dump(include=set(Block._fields)))
        number = rows[-1].number
