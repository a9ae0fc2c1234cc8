"""Counts what one referral asks of PostgreSQL, from PostgreSQL's own log and statistics."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from cli.stack.stack import Stack

_STATEMENT = re.compile(rb"LOG:  (?:statement|execute [^:]+): *(.*)")
_BORDERS = ("BEGIN", "COMMIT", "ROLLBACK")
_COUNTERS = (
    "SELECT xact_commit + xact_rollback, tup_fetched, tup_inserted, tup_updated "
    "FROM pg_stat_database WHERE datname = current_database()"
)


@dataclass
class StatementCounts:
    """What was asked during the count."""

    statements: int = 0
    transactions: int = 0
    fetched: int = 0
    inserted: int = 0
    updated: int = 0
    texts: Counter[str] = field(default_factory=Counter)
    """How often each statement was run, by its first line; without those that begin and end
    transactions."""


@asynccontextmanager
async def counted(stack: Stack) -> AsyncIterator[StatementCounts]:
    """Count during the block; the result is complete at its end. Counting slows everything down a
    little, so no time may be measured in the block. Needs the stack's own PostgreSQL."""
    asked, log = StatementCounts(), stack.home / "logs" / "postgres.log"
    database = await asyncpg.connect(stack.urls.database)
    try:
        await _log_all(database, on=True)
        offset, before = log.stat().st_size, await _counters(database)
        yield asked
        after = await _counters(database)
        await _log_all(database, on=False)
        gone = [now - then for now, then in zip(after, before, strict=True)]
        asked.transactions, asked.fetched, asked.inserted, asked.updated = gone
        asked.texts = _texts(log, offset)
        asked.statements = sum(asked.texts.values())
    finally:
        await database.close()


async def _log_all(database: asyncpg.Connection, *, on: bool) -> None:
    await database.execute(f"ALTER SYSTEM SET log_statement = '{'all' if on else 'none'}'")
    await database.execute("SELECT pg_reload_conf()")
    await asyncio.sleep(1)  # a backend takes it up, and tells its counters, within a second


async def _counters(database: asyncpg.Connection) -> list[int]:
    await asyncio.sleep(1.2)  # idle backends tell theirs once a second
    return list(await database.fetchrow(_COUNTERS))


def _texts(log: Path, offset: int) -> Counter[str]:
    with log.open("rb") as lines:
        lines.seek(offset)
        found = [_STATEMENT.search(line) for line in lines]
    texts = (match[1].decode(errors="replace").strip() for match in found if match)
    return Counter(
        text
        for text in texts
        if not text.upper().startswith(_BORDERS) and "pg_" not in text and "ALTER" not in text
    )
