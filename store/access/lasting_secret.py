"""A secret that never rotates: made once, by whoever needs it first, and kept in the database.

What is hashed under it has to be found again for as long as the database lives, so it is no
encryption key. Each purpose has a key of its own, and no purpose learns the secret itself.
"""

from __future__ import annotations

import hmac
import secrets
from weakref import WeakKeyDictionary

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import col

from store.database import Transaction
from store.tables import LastingSecret

_ID = 1
# The secret never changes, so each process reads it once a database.
_known: WeakKeyDictionary[AsyncEngine, bytes] = WeakKeyDictionary()


async def key_for(tx: Transaction, purpose: str) -> bytes:
    """The key of one purpose, 32 bytes, the same for ever."""
    engine = tx.session.bind
    assert isinstance(engine, AsyncEngine)  # noqa: S101 - Database gives it one
    secret = _known.get(engine)
    if secret is None:
        secret = _known[engine] = await _read(tx) or await _make(tx)
    return hmac.digest(secret, purpose.encode(), "sha256")


async def _read(tx: Transaction) -> bytes | None:
    return await tx.session.scalar(
        select(col(LastingSecret.secret)).where(col(LastingSecret.id) == _ID)
    )


async def _make(tx: Transaction) -> bytes:
    """Of two who make it at the same time, the second waits for the first, and reads that one."""
    made = {"id": _ID, "secret": secrets.token_bytes(32), "created_at": tx.now}
    await tx.session.execute(insert(LastingSecret).values(**made).on_conflict_do_nothing())
    secret = await _read(tx)
    assert secret is not None  # noqa: S101 - it was just written
    return secret
