"""Signed webhooks that a provider sends to one address for our whole account."""

from __future__ import annotations

from collections.abc import Mapping
from hmac import compare_digest
from typing import NamedTuple

import structlog
from temporalio.client import Client
from temporalio.exceptions import WorkflowAlreadyStartedError

from domain.ids import hook_workflow_id
from domain.messages import HOOK_WORKFLOW, ProviderHook
from domain.refusals import InvalidPayload, Refusal, Unauthorized
from providers.registry import Opened
from providers.webhooks import ProviderEvent, TellsByAccount, WebhookRefused, WebhookUnreadable
from store.database import Database
from store.temporal.start import or_later, start

log = structlog.get_logger(__name__)

_IDS = {"event_id", "key", "provider_order_id", "reward_id"}
_LONGEST_ID = 255


class AccountHook(NamedTuple):
    """A provider with webhooks per account. `token`: the last part of their address."""

    token: str
    reader: TellsByAccount


def account_hooks(opened: Mapping[str, Opened]) -> dict[str, AccountHook]:
    """The configured providers whose account has an address of its own."""
    return {
        name: AccountHook(entry.hook_token, entry.provider)
        for name, entry in opened.items()
        if entry.hook_token and isinstance(entry.provider, TellsByAccount)
    }


def is_addressed(account: AccountHook, token: str) -> bool:
    """Whether the address ends in the account's token."""
    return compare_digest(account.token.encode(), token.encode())


def read_signed(account: AccountHook, headers: Mapping[str, str], body: bytes) -> ProviderEvent:
    """Raises Unauthorized if no signature is valid, and InvalidPayload if the signed content cannot
    be read, or contains an invalid id."""
    try:
        event = account.reader.read_webhook(headers, body)
    except WebhookUnreadable:
        raise InvalidPayload("The webhook is signed, but cannot be read.", field="") from None
    except WebhookRefused as refused:
        raise Unauthorized(f"The webhook is not believed: {refused}.") from None
    for name, value in event.model_dump(include=_IDS, exclude_none=True).items():
        if not (0 < len(value) <= _LONGEST_ID and value.isprintable()):
            raise InvalidPayload(f"The webhook's {name} is no id.", field="")
    return event


async def note_refused(database: Database, provider: str, refusal: Refusal) -> None:
    """Record that a signed webhook was not followed, and why; nothing of its contents."""
    async with database.transaction() as tx:
        tx.record(
            "hook.refused",
            f"A signed webhook of {provider} cannot be followed",
            detail=refusal.detail,
            source="provider",
            data={"provider": provider},
        )


async def follow(client: Client, provider: str, event: ProviderEvent) -> None:
    """Start the event's own workflow, once. If that fails, polling finds the news a little later.
    An event that names no order starts nothing."""
    if not (event.key or event.provider_order_id or event.reward_id):
        return
    hook = ProviderHook(provider=provider, **event.model_dump())
    try:
        with or_later("hook.not_followed", provider=provider):
            id = hook_workflow_id(provider, event.event_id)
            summary = f"Webhook of {provider}"
            await start(client, HOOK_WORKFLOW, hook, id=id, once=True, summary=summary)
    except WorkflowAlreadyStartedError:
        log.info("hook.repeated", provider=provider, event_id=event.event_id)
