"""The engine (one per process), and the transaction that records facts."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Concatenate, NewType, ParamSpec, TypeVar

import asyncpg
from sqlalchemy import event, insert, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool
from sqlmodel import SQLModel

from domain.feed import written_by_a_person
from domain.ids import Prefix, new_id
from domain.ledger import Posting
from domain.seals import words_hash
from store.postgres_url import parse
from store.tables import Event, EventWords, LedgerEntry, metadata
from store.tables.states import states

P = ParamSpec("P")
T = TypeVar("T")
ReadSession = NewType("ReadSession", AsyncSession)
"""A session that only reads: no facts, no commit."""


_DIALECT = make_url("postgresql+asyncpg://").get_dialect()()


def _written(table: type[SQLModel]) -> str:
    """An INSERT of rows given as one JSON array: written out as parameters or as VALUES, each row
    would cost the driver or the compiler anew. What the database itself gives is left to it."""
    columns = [each for each in metadata.tables[str(table.__tablename__)].c if not each.identity]
    names = ", ".join(each.name for each in columns if each.server_default is None)
    typed = ", ".join(
        f"{each.name} {each.type.compile(_DIALECT)}"
        for each in columns
        if each.server_default is None
    )
    rows = f":{table.__tablename__}"
    return (
        f"INSERT INTO {table.__tablename__} ({names}) SELECT {names} "
        f"FROM ROWS FROM (jsonb_to_recordset(CAST({rows} AS jsonb)) AS ({typed})) "
        "WITH ORDINALITY ORDER BY ordinality"
    )


_EVENTS, _ENTRIES = _written(Event), _written(LedgerEntry)
_FACTS = text(f"WITH told AS ({_EVENTS}) {_ENTRIES}")
_ABOUT = ("customer_id", "referral_id", "grant_id", "order_id")
_WORDS = insert(metadata.tables[str(EventWords.__tablename__)])


def async_url(database_url: str) -> str:
    """The same PostgreSQL, through asyncpg; without the URL's parameters."""
    return parse(database_url).for_engine.render_as_string(False)


def now() -> datetime:
    """The present, UTC."""
    return datetime.now(UTC)


class Transaction:
    """One PostgreSQL transaction.

    A change of a fact is recorded together with its event: both are written, or neither (invariant
    9). Events and postings are written by one statement each, at the end, so that they cost two
    round trips, not two per fact."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session
        self.now = now()
        self._events: list[dict[str, Any]] = []
        self._words: list[dict[str, Any]] = []
        self._entries: list[dict[str, Any]] = []

    def record(self, type: str, title: str, *, source: str = "engine", **columns: Any) -> None:
        """Append a fact to the event table.

        `title` and `detail` in plain words, `data` for machines, and the ids of what it concerns. A
        person's own words about somebody are stored separately, where they can be erased."""
        written = {"at": self.now, "type": type, "title": title, "source": source, **columns}
        about_somebody = any(written.get(name) for name in _ABOUT)
        if about_somebody and written_by_a_person(type, source) and written.get("detail"):
            written |= self._set_apart(written.pop("detail"))
        self._events.append(written)

    def _set_apart(self, words: str) -> dict[str, Any]:
        id, key = new_id(Prefix.WORDS), os.urandom(32)
        self._words.append({"id": id, "key": key, "words": words})
        return {"words_id": id, "words_hash": words_hash(key, words)}

    def post(self, *postings: Posting) -> None:
        """Append balanced entries to the ledger. Posting the same identity twice is an error."""
        for posting in postings:
            transaction_id = new_id(Prefix.TRANSACTION)
            for entry in posting.entries:
                self._entries.append(
                    {
                        "transaction_id": transaction_id,
                        "at": self.now,
                        "kind": posting.kind,
                        "subject": posting.subject,
                        "corrects": posting.corrects,
                        **entry.model_dump(),
                    }
                )

    async def write_facts(self) -> None:
        """Write what was recorded so far. Called at the commit; earlier only by a caller that must
        keep one statement for the very end."""
        if self._words:
            await self.session.execute(_WORDS, self._words)
            self._words = []
        if self._events or self._entries:
            rows = {
                "events": _as_json([self._with_states(event) for event in self._events]),
                "ledger_entries": _as_json(self._entries),
            }
            await self.session.execute(_FACTS, rows)
            self._events, self._entries = [], []

    def _with_states(self, written: dict[str, Any]) -> dict[str, Any]:
        """An event also says which status it found and left."""
        found = states(self.session.sync_session, written)
        return written | {"data": found | written.get("data", {})}


def _as_json(rows: list[dict[str, Any]]) -> str:
    return json.dumps(rows, default=_for_postgres)


def _for_postgres(value: object) -> str:
    """Times and bytes, as PostgreSQL reads them."""
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"neither a time nor bytes: {type(value).__name__}")


def _refuse_closed(_: object, record: ConnectionPoolEntry, __: object) -> None:
    """Make the pool replace a connection that PostgreSQL closed while idle, so that no request
    fails after a restart. Unlike a ping this costs no round trip."""
    connection = record.driver_connection
    if isinstance(connection, asyncpg.Connection) and connection.is_closed():
        raise DisconnectionError("closed by the server")


CONNECT_TIMEOUT = 5.0
"""Seconds to wait for PostgreSQL to accept a connection."""


class Database:
    """PostgreSQL. One per process; call `dispose` before the process ends."""

    def __init__(self, database_url: str, *, pool: int = 20) -> None:
        self.address = parse(database_url)
        self.engine: AsyncEngine = create_async_engine(
            self.address.for_engine,
            pool_size=pool,
            max_overflow=0,
            # Failures go into workflow histories and logs, which must not contain personal data.
            hide_parameters=True,
            connect_args={
                # Waiting for a busy row must not keep a local activity longer than its workflow
                # task.
                "server_settings": {
                    **self.address.server_settings,
                    "lock_timeout": "3000",
                    "jit": "off",
                    # To start one takes longer than most statements do.
                    "max_parallel_workers_per_gather": "0",
                    "timezone": "UTC",
                },
                **self.address.options,
                "timeout": CONNECT_TIMEOUT,
                # If the server hangs, callers must not.
                "command_timeout": 30,
            },
        )
        event.listen(self.engine.sync_engine, "checkout", _refuse_closed)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Commit what the block did, with its events; roll all of it back if the block raises."""
        async with AsyncSession(self.engine, expire_on_commit=False) as session, session.begin():
            transaction = Transaction(session)
            yield transaction
            await session.flush()
            await transaction.write_facts()

    @asynccontextmanager
    async def rehearsal(self) -> AsyncIterator[Transaction]:
        """The result of a transaction without its effects: the same code, rolled back at the
        end."""
        async with AsyncSession(self.engine, expire_on_commit=False) as session:
            try:
                yield Transaction(session)
            finally:
                await session.rollback()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[ReadSession]:
        """A session for reading."""
        async with AsyncSession(self.engine, expire_on_commit=False) as session:
            yield ReadSession(session)

    async def read(
        self,
        question: Callable[Concatenate[ReadSession, P], Awaitable[T]],
        *args: P.args,
        **named: P.kwargs,
    ) -> T:
        """What the question answers, in a session of its own."""
        async with self.reading() as session:
            return await question(session, *args, **named)

    @property
    def in_use(self) -> int:
        """The number of connections in use."""
        pool = self.engine.pool
        return pool.checkedout() if isinstance(pool, QueuePool) else 0

    async def dispose(self) -> None:
        """Close every connection."""
        await self.engine.dispose()
