"""Webhooks, and how their deliveries go."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import func, select
from sqlmodel import col

from domain.feed import Place
from domain.refusals import existing
from store.database import ReadSession
from store.events.feed import count_behind
from store.lists.pages import AnySelect, Page, Window, read_page
from store.tables import Webhook


class WebhookRead(NamedTuple):
    """A webhook, and the number of events that it has not received yet."""

    webhook: Webhook
    behind: int


async def find(session: ReadSession, webhook_id: str) -> WebhookRead:
    """Raises NotFound."""
    webhook = existing(await session.get(Webhook, webhook_id), "webhook", webhook_id)
    return await _read(session, webhook)


async def page(session: ReadSession, window: Window) -> tuple[list[WebhookRead], Page]:
    """Webhooks, newest first."""
    statement: AnySelect = select(Webhook)
    found = await read_page(session, statement, col(Webhook.id), window)
    return [await _read(session, row[0]) for row in found.rows], found


async def failing(session: ReadSession) -> int:
    """The number of webhooks whose receivers do not accept events."""
    statement = select(func.count()).where(col(Webhook.failing_since).is_not(None))
    return await session.scalar(statement) or 0


async def _read(session: ReadSession, webhook: Webhook) -> WebhookRead:
    place = Place(webhook.xid, webhook.seq)
    return WebhookRead(webhook, await count_behind(session, place, webhook.events))
