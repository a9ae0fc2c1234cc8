"""Seals the ledger and the events, and checks their seals.

A block contains entries of finished transactions: those before the oldest running one. Posting
never waits for it, and an entry that commits late is never left out, because its transaction had
held the boundary back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, NamedTuple

from sqlalchemy import Table, func, or_, select, text
from sqlmodel import col

from domain.seals import GENESIS, Block, Break, Sealed, first_break, seal
from store.database import Database, ReadSession, Transaction
from store.lists.pages import AnySelect
from store.tables import Event, EventSeal, LedgerEntry, LedgerSeal, metadata

Seal = LedgerSeal | EventSeal


class Chain(NamedTuple):
    """What is sealed, and where its blocks are. `lock`: one process at a time seals it."""

    name: str
    sealed: Table
    columns: tuple[str, ...]
    """The columns of a digest, in a fixed order that never changes. `seq` first."""
    seals: type[LedgerSeal] | type[EventSeal]
    lock: int

    @property
    def xid(self) -> Any:
        return self.sealed.c.xid

    def within(self, since: int, until: int) -> AnySelect:
        """The entries of the transactions [since, until)."""
        columns = [self.sealed.c[name] for name in self.columns]
        statement = select(*columns).where(self.xid >= since, self.xid < until)
        return statement.order_by(self.sealed.c.seq)


LEDGER = Chain(
    "ledger",
    metadata.tables[str(LedgerEntry.__tablename__)],
    Sealed._fields,
    LedgerSeal,
    7_239_105,
)
EVENTS = Chain(
    "events",
    metadata.tables[str(Event.__tablename__)],
    (
        *("seq", "xid", "at", "type", "source", "title", "detail", "words_id", "words_hash"),
        *("actor", "campaign_id", "referral_id", "grant_id", "order_id", "customer_id"),
        *("attempt", "data"),
    ),
    EventSeal,
    7_239_106,
)
_OLDEST = text("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
_NEXT = text("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint")
_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(:lock)")
MOST = 5000
"""Entries of a block, unless one transaction alone has more."""


class Checked(NamedTuple):
    """The result of a check.

    `unsealed`: entries that no block contains yet. `head`: the last block's hash; a copy kept
    elsewhere also proves that no block was cut off at the end. `known`: the number of the block
    with the given hash; None if there is none."""

    blocks: int
    entries: int
    unsealed: int
    broken: Break | None
    head: bytes
    known: int | None = None


async def seal_next(database: Database, most: int = MOST, chain: Chain = LEDGER) -> int:
    """Seal one more block; return its number of entries. 0 when there is nothing to seal."""
    seals = chain.seals
    async with database.transaction() as tx:
        await tx.session.execute(_ONE_AT_A_TIME, {"lock": chain.lock})
        last: Seal | None = await tx.session.scalar(
            select(seals).order_by(col(seals.number).desc()).limit(1)
        )
        ends = last.to_xid if last else 0
        until = await _boundary(tx, chain, ends, most)
        entries = list(await tx.session.execute(chain.within(ends, until)))
        if not entries:
            return 0
        number, previous = (last.number + 1, last.hash) if last else (1, GENESIS)
        block = seal(number, ends, until, entries, previous)
        tx.session.add(seals(**block._asdict(), sealed_at=tx.now))
        return len(entries)


async def _boundary(tx: Transaction, chain: Chain, since: int, most: int) -> int:
    oldest = int(await tx.session.scalar(_OLDEST) or 0)
    xid = chain.xid
    taken = select(xid).where(xid >= since, xid < oldest).order_by(xid).limit(most).subquery()
    last = await tx.session.scalar(select(func.max(taken.c.xid)))
    return oldest if last is None else int(last) + 1


async def verify(database: Database, chain: Chain = LEDGER, head: bytes | None = None) -> Checked:
    """Read every block and every entry again, block by block; stop at the first break. `head`: a
    hash that was kept elsewhere, which one of the blocks must have."""
    blocks = entries = 0
    known = None
    previous, ends = GENESIS, 0
    async with database.reading() as session:
        async for block in _blocks(session, chain):
            found = list(await session.execute(chain.within(block.from_xid, block.to_xid)))
            blocks, entries = blocks + 1, entries + len(found)
            if block.number != blocks:
                broken: Break | None = Break(blocks, None, "the block is missing")
            else:
                broken = first_break(block, found, previous, ends)
            if broken:
                return Checked(blocks, entries, 0, broken, previous, known)
            previous, ends = block.hash, block.to_xid
            known = block.number if block.hash == head else known
        broken = await _beyond(session, chain, blocks, ends)
        unsealed = await session.scalar(
            select(func.count()).select_from(chain.sealed).where(chain.xid >= ends)
        )
    return Checked(blocks, entries, unsealed or 0, broken, previous, known)


async def _beyond(session: ReadSession, chain: Chain, blocks: int, ends: int) -> Break | None:
    """An entry with a transaction number that no block will reach: no transaction of this database
    had it."""
    upcoming = max(ends, int(await session.scalar(_NEXT) or 0))
    seq = await session.scalar(
        select(func.min(chain.sealed.c.seq)).where(or_(chain.xid < 1, chain.xid >= upcoming))
    )
    if seq is None:
        return None
    return Break(blocks + 1, int(seq), "was added with the number of no transaction")


async def _blocks(session: ReadSession, chain: Chain) -> AsyncIterator[Block]:
    number, seals = 0, chain.seals
    statement = select(seals).order_by(col(seals.number)).limit(50)
    while rows := list(await session.scalars(statement.where(col(seals.number) > number))):
        for row in rows:
            yield Block(**row.model_dump(include=set(Block._fields)))
        number = rows[-1].number
