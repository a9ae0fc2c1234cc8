"""Inbound provider webhooks. A webhook is a hint, never a fact: it names an order to read again."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Annotated, Protocol, runtime_checkable

from pydantic import BaseModel, Field

_Id = Annotated[str, Field(min_length=1, max_length=255)]


class WebhookRefused(Exception):
    """The webhook is not signed by the provider, or cannot be read. Nothing of it is kept."""


class WebhookUnreadable(WebhookRefused):
    """The signature is valid, but the content cannot be read."""


class ProviderEvent(BaseModel):
    """A webhook with a valid signature.

    `event_id` is the same in every repeat. Providers name the order in different ways; a webhook
    without any name concerns no order."""

    event_id: _Id
    key: _Id | None = None
    provider_order_id: _Id | None = None
    reward_id: _Id | None = None
    adverse: bool = False
    """It reports something adverse: a failed delivery, a withdrawal, a flag."""


@runtime_checkable
class TellsByAccount(Protocol):
    """A provider whose webhooks all go to one address per account, and are signed."""

    def read_webhook(self, headers: Mapping[str, str], body: bytes) -> ProviderEvent:
        """Check the signature over the raw body, then read. Raises WebhookRefused."""


def check_signature(secret: bytes, body: bytes, given: str) -> None:
    """Raises WebhookRefused unless `given` is `sha256=<hex HMAC-SHA256(secret, raw body)>`."""
    right = f"sha256={hmac.new(secret, body, hashlib.sha256).hexdigest()}"
    if not secret or not hmac.compare_digest(
        given.strip().lower().encode(errors="replace"), right.encode()
    ):
        raise WebhookRefused("the signature does not hold")
