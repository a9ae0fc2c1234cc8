"""Credentials of those who call the API. A token is shown once and stored as its hash: with 40
random characters there is nothing to guess, so a plain SHA-256 is enough."""

from __future__ import annotations

import asyncio
import secrets
import string
from hashlib import sha256
from hmac import compare_digest

from sqlmodel import col, select

from domain.ids import Prefix, new_id
from domain.roles import Role
from store.database import Database, ReadSession, Transaction
from store.tables import ApiKey

_ALPHABET = string.ascii_letters + string.digits


def hash_token(token: str) -> str:
    """What is stored of a token."""
    return sha256(token.encode()).hexdigest()


def is_token(key: ApiKey, token: str) -> bool:
    """Whether `token` is the one that `key` was created with."""
    return compare_digest(key.token_hash, hash_token(token))


async def find_key(session: ReadSession, app_id: str) -> ApiKey | None:
    """The credential, unless it was revoked."""
    statement = select(ApiKey).where(col(ApiKey.app_id) == app_id, col(ApiKey.revoked_at).is_(None))
    return (await session.scalars(statement)).one_or_none()


async def create_key(tx: Transaction, role: Role) -> tuple[str, str]:
    """A new credential: (app id, token). The token cannot be read again."""
    app_id = new_id(Prefix.APP)
    token = "gd_" + "".join(secrets.choice(_ALPHABET) for _ in range(40))
    tx.session.add(
        ApiKey(app_id=app_id, token_hash=hash_token(token), role=role, created_at=tx.now)
    )
    tx.record("key.created", "API key created", data={"app_id": app_id, "role": role})
    return app_id, token


def create_key_sync(database_url: str, role: str) -> tuple[str, str]:
    """`create_key` for a command: connects, creates, disconnects. Raises ValueError for a role
    that does not exist."""
    return asyncio.run(_create(database_url, Role(role)))


async def _create(database_url: str, role: Role) -> tuple[str, str]:
    database = Database(database_url, pool=1)
    try:
        async with database.transaction() as tx:
            return await create_key(tx, role)
    finally:
        await database.dispose()
