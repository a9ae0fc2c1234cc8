"""Credentials of API callers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Request
from pydantic import BaseModel, Field

from api.http.access import Calling
from api.http.fields import Instant, with_examples
from api.http.idempotency import keep_encrypted
from api.http.lists import Listed, Windowed
from api.http.parameters import KeyPath
from api.http.resources import Held
from api.http.route import GuardedRouter
from domain.roles import Role, Scope
from store.access import api_keys
from store.tables import ApiKey

_APP = "app_01jd3v5q8g6w2x4y7z9a1b3c5d"
_EXAMPLE: dict[str, Any] = {
    "name": "Shop backend",
    "role": "service",
    "scopes": ["webhooks"],
    "expires_at": "2027-12-31T00:00:00Z",
}
_ANSWER = _EXAMPLE | {
    "id": _APP,
    "object": "key",
    "created_at": "2026-11-20T09:30:00Z",
    "last_used_at": "2026-11-20T09:30:00Z",
    "revoked_at": None,
}


class KeyIn(BaseModel):
    """A credential that is asked for."""

    model_config = with_examples(_EXAMPLE, extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=100)]
    role: Role
    scopes: Annotated[
        list[Scope], Field(max_length=10, description="What it may do beyond its role.")
    ] = []
    expires_at: Instant | None = Field(
        default=None, description="From then on it is refused. Absent: never."
    )


class KeyAnswer(BaseModel):
    """A credential, without its token. `id` is `X-App-Id`."""

    model_config = with_examples(_ANSWER)

    id: str
    object: Literal["key"] = "key"
    name: str
    role: Role
    scopes: list[Scope]
    created_at: datetime
    last_used_at: datetime | None = Field(description="To the minute. Null: not used yet.")
    expires_at: datetime | None
    revoked_at: datetime | None

    @classmethod
    def of(cls, key: ApiKey) -> KeyAnswer:
        return cls(id=key.app_id, **key.model_dump(exclude={"app_id", "token_hash"}))


class NewKeyAnswer(KeyAnswer):
    """A new credential, with its token."""

    model_config = with_examples(
        _ANSWER
        | {
            "last_used_at": None,
            "token": "gd_4tQm8ZpL2vXcR7nWb1KsYd6HfJ0aGe3UiTo9MqVx",
        }
    )

    token: str = Field(description="`X-App-Token`. Shown this once.")


class KeyList(Listed[KeyAnswer]):
    """Credentials, the revoked ones too."""


router = GuardedRouter("/v1/keys", "Keys")


@router.post("", status_code=201)
async def create_key(body: KeyIn, request: Request, caller: Calling, held: Held) -> NewKeyAnswer:
    """Create a credential. Its token is stored hashed and shown this once."""
    keep_encrypted(request)
    new = api_keys.NewKey(body.role, body.name, body.scopes, body.expires_at)
    async with held.database.transaction() as tx:
        app_id, token = await api_keys.create(tx, new, actor=caller.actor)
    answer = await _answer(held, app_id)
    return NewKeyAnswer(token=token, **answer.model_dump())


@router.get("")
async def list_keys(held: Held, window: Windowed) -> KeyList:
    """Credentials, newest first."""
    page = await held.database.read(api_keys.page, window)
    return KeyList.of([KeyAnswer.of(row[0]) for row in page.rows], page)


@router.get("/{app_id}", "resource_not_found")
async def get_key(app_id: KeyPath, held: Held) -> KeyAnswer:
    """One credential: its role, when it was last used, when it ends."""
    return await _answer(held, app_id)


@router.delete("/{app_id}", "resource_not_found", status_code=204)
async def revoke_key(app_id: KeyPath, caller: Calling, held: Held) -> None:
    """Revoke a credential: this process refuses it at once, others within 10 seconds."""
    async with held.database.transaction() as tx:
        await api_keys.revoke(tx, app_id, actor=caller.actor)
    held.keyring.forget(app_id)


async def _answer(held: Held, app_id: str) -> KeyAnswer:
    return KeyAnswer.of(await held.database.read(api_keys.get_key, app_id))
