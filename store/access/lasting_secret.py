"""A secret that never rotates: made by the migration and kept in the database.

What is hashed under it has to be found again for as long as the database lives, so it is no
encryption key. It is made with the schema, not when it is first needed: else a database that is
restored to a moment before that would make another one, and come to other order keys. Each purpose
has a key of its own, and no purpose learns the secret itself.
"""

from __future__ import annotations

import hmac
from weakref import WeakKeyDictionary

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import col

from store.database import Transaction
from store.tables import LastingSecret

# The secret never changes, so each process reads it once a database.
_known: WeakKeyDictionary[AsyncEngine, bytes] = WeakKeyDictionary()


async def key_for(tx: Transaction, purpose: str) -> bytes:
    """The key of one purpose, 32 bytes, the same for ever."""
    engine = tx.session.bind
    assert isinstance(engine, AsyncEngine)  # noqa: S101 - Database gives it one
    secret = _known.get(engine)
    if secret is None:
        found = await tx.session.execute(select(col(LastingSecret.secret)))
        secret = _known[engine] = found.scalar_one()
    return hmac.digest(secret, purpose.encode(), "sha256")
