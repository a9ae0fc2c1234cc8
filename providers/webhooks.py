"""Inbound provider webhooks. A webhook is a hint, never a fact: it names an order to read again."""

from __future__ import annotations

from pydantic import BaseModel


class WebhookRefused(Exception):
    """Nothing proves that the provider sent this, or it cannot be read. Nothing of it is kept."""


class ProviderEvent(BaseModel):
    """A webhook whose signature holds. `event_id` is the same in every repeat. Which of the names
    it carries differs by provider; one with none of them concerns no order."""

    event_id: str
    key: str | None = None
    provider_order_id: str | None = None
    reward_id: str | None = None
