"""Outgoing webhooks."""

from __future__ import annotations

import base64
import os

from fastapi import Request

from api.http.idempotency import keep_encrypted
from api.http.lists import Windowed
from api.http.parameters import WebhookPath
from api.http.resources import Held
from api.http.route import GuardedRouter
from api.webhooks.schemas import (
    NewWebhookAnswer,
    WebhookAnswer,
    WebhookChangeIn,
    WebhookIn,
    WebhookList,
)
from domain.roles import Role, Scope
from store.webhooks import deliver
from store.webhooks import queries as reading
from store.webhooks.start import try_to_wake

router = GuardedRouter("/v1/webhooks", "Webhooks", roles=[Role.OPERATOR], scope=Scope.WEBHOOKS)


@router.post("", status_code=201)
async def create_webhook(body: WebhookIn, request: Request, held: Held) -> NewWebhookAnswer:
    """Have events sent to an address from now on, in their order, signed as Standard Webhooks say.
    Whatever is not answered by 2xx is sent again, for as long as it takes; `webhook-id` is the
    event's id, by which a receiver tells repeats."""
    keep_encrypted(request)
    secret = "whsec_" + base64.b64encode(os.urandom(32)).decode()
    async with held.database.transaction() as tx:
        created = await deliver.create(
            tx, str(body.url), body.events, secret, held.vault, active=body.active
        )
    await try_to_wake(held.temporal, created)
    answer = await _answer(held, created)
    return NewWebhookAnswer(secret=secret, **answer.model_dump())


@router.get("")
async def list_webhooks(held: Held, window: Windowed) -> WebhookList:
    """Webhooks, newest first."""
    found, page = await held.database.read(reading.page, window)
    return WebhookList.of([WebhookAnswer.of(one) for one in found], page)


@router.get("/{webhook_id}", "resource_not_found")
async def get_webhook(webhook_id: WebhookPath, held: Held) -> WebhookAnswer:
    """One webhook: whether it is taken, since when not and why, and how far behind it is."""
    return await _answer(held, webhook_id)


@router.put("/{webhook_id}", "resource_not_found")
async def change_webhook(
    webhook_id: WebhookPath, body: WebhookChangeIn, held: Held
) -> WebhookAnswer:
    """Change it. What waits is sent to the new address at once."""
    url = str(body.url) if body.url else None
    async with held.database.transaction() as tx:
        await deliver.change(tx, webhook_id, url, body.events, body.active)
    await try_to_wake(held.temporal, webhook_id)
    return await _answer(held, webhook_id)


@router.delete("/{webhook_id}", "resource_not_found", status_code=204)
async def delete_webhook(webhook_id: WebhookPath, held: Held) -> None:
    """Send nothing more. Its secret is forgotten."""
    async with held.database.transaction() as tx:
        await deliver.remove(tx, webhook_id)


async def _answer(held: Held, webhook_id: str) -> WebhookAnswer:
    return WebhookAnswer.of(await held.database.read(reading.find, webhook_id))
