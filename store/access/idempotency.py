"""Stores the first answer to a request with an Idempotency-Key, and replays it.

Claiming commits by itself, before the request's own transaction begins, so that a concurrent repeat
is refused at once instead of waiting."""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, delete, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from domain.refusals import IdempotencyInProgress, IdempotencyKeyReused
from store.access.lasting_secret import key_for
from store.database import Database, Transaction, now
from store.tables import IdempotentAnswer

LAPSE = timedelta(seconds=60)
"""After this time without an answer the first run counts as dead; a repeat may run."""


class KeyLock(NamedTuple):
    """The right to run the request once. `started_at` distinguishes it from a later claim."""

    app_id: str
    key: str
    started_at: datetime


class Answer(NamedTuple):
    """An answer as it was first sent."""

    status: int
    content_type: str
    body: bytes


class Named(NamedTuple):
    """Whom a request and its answer name: our ids of people and their things, and the caller's own
    ids of people."""

    ids: frozenset[str] = frozenset()
    source_ids: frozenset[str] = frozenset()


NOBODY = Named()


async def subjects_of(tx: Transaction, named: Named) -> list[str]:
    """The form stored with an answer. The caller's own ids are hashed with a key, because they may
    belong to somebody who is not a customer yet."""
    key = await key_for(tx, "subjects of stored answers")
    hashes = (hmac.digest(key, one.encode(), "sha256").hex()[:32] for one in named.source_ids)
    return sorted({*named.ids, *hashes})


async def forget_answers(tx: Transaction, customer_id: str, named: Named) -> None:
    """Delete every stored answer that names this customer or one of the customer's things."""
    subjects = await subjects_of(tx, named)
    await tx.session.execute(text(_FORGET), {"subjects": subjects, "id": customer_id})


# Rows from before subjects were stored are searched for our own id, which occurs nowhere else.
_FORGET = """
DELETE FROM idempotent_answers WHERE subjects && :subjects
OR subjects IS NULL AND position(convert_to(:id, 'UTF8') IN body) > 0"""


async def claim(database: Database, app_id: str, key: str, request_hash: str) -> KeyLock | Answer:
    """Return the right to run, or the answer of the earlier run.

    Raises IdempotencyKeyReused for another request under the same key, IdempotencyInProgress while
    the first still runs."""
    async with _autocommit(database) as connection:
        mine = KeyLock(app_id, key, now())
        if await _take(connection, mine, request_hash):
            return mine
        row = (
            await connection.execute(
                select(
                    col(IdempotentAnswer.request_hash),
                    col(IdempotentAnswer.status),
                    col(IdempotentAnswer.content_type),
                    col(IdempotentAnswer.body),
                ).where(_is(mine))
            )
        ).one_or_none()
    # None: the earlier run was released between the two statements.
    if row is None or (row.status is None and row.request_hash == request_hash):
        raise IdempotencyInProgress("The first request with this Idempotency-Key still runs.")
    if row.request_hash != request_hash:
        raise IdempotencyKeyReused("This Idempotency-Key was used with another request.")
    return Answer(row.status, row.content_type, row.body)


async def keep(database: Database, claim: KeyLock, answer: Answer, named: Named = NOBODY) -> None:
    """Store the answer, unless the claim has expired and another run took it."""
    async with database.transaction() as tx:  # idle, unless the key has to be read
        subjects = await subjects_of(tx, named)
    async with _autocommit(database) as connection:
        await connection.execute(
            update(IdempotentAnswer)
            .where(_is(claim), col(IdempotentAnswer.started_at) == claim.started_at)
            .values(**answer._asdict(), subjects=subjects, finished_at=now())
        )


async def release(database: Database, claim: KeyLock) -> None:
    """Give up the claim without a definite answer: the next repeat runs again."""
    async with _autocommit(database) as connection:
        await connection.execute(
            delete(IdempotentAnswer).where(
                _is(claim), col(IdempotentAnswer.started_at) == claim.started_at
            )
        )


async def _take(connection: AsyncConnection, mine: KeyLock, request_hash: str) -> bool:
    statement = insert(IdempotentAnswer).values(**mine._asdict(), request_hash=request_hash)
    lapsed = and_(
        col(IdempotentAnswer.status).is_(None),
        col(IdempotentAnswer.started_at) < mine.started_at - LAPSE,
        col(IdempotentAnswer.request_hash) == request_hash,
    )
    taken = await connection.execute(
        statement.on_conflict_do_update(
            index_elements=["app_id", "key"],
            set_={"started_at": statement.excluded.started_at},
            where=lapsed,
        ).returning(col(IdempotentAnswer.key))
    )
    return taken.scalar() is not None


def _is(claim: KeyLock) -> ColumnElement[bool]:
    return and_(
        col(IdempotentAnswer.app_id) == claim.app_id, col(IdempotentAnswer.key) == claim.key
    )


@asynccontextmanager
async def _autocommit(database: Database) -> AsyncIterator[AsyncConnection]:
    """One statement needs no BEGIN and COMMIT, which saves two round trips."""
    async with database.engine.connect() as connection:
        yield await connection.execution_options(isolation_level="AUTOCOMMIT")
