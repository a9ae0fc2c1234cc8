"""Credentials of API callers."""

from __future__ import annotations

from fastapi import Request

from api.http.access import Calling
from api.http.idempotency import keep_encrypted
from api.http.lists import Windowed
from api.http.parameters import KeyPath
from api.http.resources import Held
from api.http.route import GuardedRouter
from api.keys.schemas import KeyAnswer, KeyIn, KeyList, NewKeyAnswer
from store.access import api_keys

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
