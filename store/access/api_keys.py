"""Credentials of API callers.

A token is shown once and stored as its hash: 40 random characters cannot be guessed, so a plain
SHA-256 is enough."""

from __future__ import annotations

import asyncio
import secrets
import string
from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from hmac import compare_digest
from typing import NamedTuple

from sqlalchemy import or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from domain.ids import Prefix, digest, new_id
from domain.refusals import InvalidPayload, existing
from domain.roles import Role, Scope
from store.database import Database, ReadSession, Transaction, now
from store.lists.pages import Page, Window, read_page
from store.tables import Actor, ApiKey

_ALPHABET = string.ascii_letters + string.digits
_USE_NOTED = timedelta(minutes=1)
"""A key's last use is recorded at most this often."""


class NewKey(NamedTuple):
    """A credential to create."""

    role: Role
    name: str = ""
    scopes: Sequence[Scope] = ()
    expires_at: datetime | None = None


def hash_token(token: str) -> str:
    """The stored form of a token."""
    return sha256(token.encode()).hexdigest()


def is_token(key: ApiKey, token: str) -> bool:
    """Whether `token` belongs to `key`."""
    return compare_digest(key.token_hash, hash_token(token))


async def find_key(session: ReadSession, app_id: str) -> ApiKey | None:
    """The credential, unless it is unknown or revoked."""
    statement = select(ApiKey).where(col(ApiKey.app_id) == app_id, col(ApiKey.revoked_at).is_(None))
    return (await session.scalars(statement)).one_or_none()


async def get_key(session: ReadSession, app_id: str) -> ApiKey:
    """The credential, revoked or not. Raises NotFound."""
    return existing(await session.get(ApiKey, app_id), "key", app_id)


async def page(session: ReadSession, window: Window) -> Page:
    """Newest first, including revoked ones; rows are (ApiKey,)."""
    return await read_page(session, select(ApiKey), col(ApiKey.app_id), window)


async def create_key(tx: Transaction, role: Role) -> tuple[str, str]:
    """Create a credential: (app id, token). The token cannot be read again."""
    return await create(tx, NewKey(role))


async def create(tx: Transaction, new: NewKey, *, actor: str | None = None) -> tuple[str, str]:
    """Create a credential: (app id, token). The token cannot be read again. `actor`: who asked.
    Raises InvalidPayload for an expiry in the past."""
    if new.expires_at is not None and new.expires_at <= tx.now:
        raise InvalidPayload("Must lie in the future.", field="/expires_at")
    app_id = new_id(Prefix.APP)
    token = "gd_" + "".join(secrets.choice(_ALPHABET) for _ in range(40))
    scopes = sorted({str(scope) for scope in new.scopes})
    tx.session.add(
        ApiKey(
            app_id=app_id,
            token_hash=hash_token(token),
            role=new.role,
            name=new.name,
            scopes=scopes,
            expires_at=new.expires_at,
            created_at=tx.now,
        )
    )
    tx.record(
        "key.created",
        "API key created",
        source="staff" if actor else "engine",
        actor=actor,
        data={"app_id": app_id, "role": new.role} | ({"scopes": scopes} if scopes else {}),
    )
    return app_id, token


async def revoke(tx: Transaction, app_id: str, *, actor: str | None = None) -> None:
    """Refuse the credential from now on; other processes do within seconds. A repeat changes
    nothing. Raises NotFound."""
    key = existing(await tx.session.get(ApiKey, app_id, with_for_update=True), "key", app_id)
    if key.revoked_at is not None:
        return
    key.revoked_at = tx.now
    tx.record(
        "key.revoked",
        "API key revoked",
        source="staff" if actor else "engine",
        actor=actor,
        data={"app_id": app_id},
    )


async def note_use(database: Database, key: ApiKey) -> None:
    """Record that the credential is in use, unless that was done within the last minute."""
    at = now()
    if key.last_used_at is not None and at - key.last_used_at < _USE_NOTED:
        return
    stale = or_(col(ApiKey.last_used_at).is_(None), col(ApiKey.last_used_at) < at - _USE_NOTED)
    async with database.transaction() as tx:
        await tx.session.execute(
            update(ApiKey)
            .where(col(ApiKey.app_id) == key.app_id, stale)
            .values(last_used_at=at)
            .execution_options(synchronize_session=False)
        )
    key.last_used_at = at


async def note_wrong_tokens(database: Database, count: int, app_id: str | None) -> None:
    """Record that many wrong tokens were sent. `app_id`: the credential they were sent with, if it
    exists; callers' own texts are not kept."""
    async with database.transaction() as tx:
        tx.record(
            "key.wrong_tokens",
            f"{count} requests with wrong credentials from one address within a minute",
            data={"app_id": app_id, "count": count},
        )


async def name_actor(database: Database, app_id: str, name: str) -> str:
    """The id under which timelines name the person behind a shared credential."""
    id = f"{Prefix.ACTOR}_{digest(app_id, name)}"
    async with database.transaction() as tx:
        await tx.session.execute(
            insert(Actor)
            .values(id=id, app_id=app_id, name=name, created_at=tx.now)
            .on_conflict_do_nothing()
        )
    return id


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
