"""A secret that never rotates, created by a migration and kept in the database.

Hashes made with it must be found again for as long as the database lives, so it is not an
encryption key. It is created with the schema instead of at first use: otherwise a database restored
to a moment before that would create another one, and compute other order keys. Each purpose has its
own derived key, and never sees the secret itself."""

from __future__ import annotations

import hmac
from weakref import WeakKeyDictionary

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import col

from store.database import Transaction
from store.tables import LastingSecret

# The secret never changes, so each process reads it once per database.
_known: WeakKeyDictionary[AsyncEngine, bytes] = WeakKeyDictionary()


async def key_for(tx: Transaction, purpose: str) -> bytes:
    """The key for one purpose, 32 bytes, always the same."""
    engine = tx.session.bind
    assert isinstance(engine, AsyncEngine)  # noqa: S101 - Database gives it one
    secret = _known.get(engine)
    if secret is None:
        found = await tx.session.execute(select(col(LastingSecret.secret)))
        secret = _known[engine] = found.scalar_one()
    return hmac.digest(secret, purpose.encode(), "sha256")
