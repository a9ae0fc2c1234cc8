"""Runa's order API, v2 (formerly WeGift).

Facts: reference/gift-card-providers.md §4, and Runa's own OpenAPI and guides. The idempotency key
is a header. Its first answer is kept for 30 days and repeated, a 4xx or 5xx too; after that the
same key buys again. Orders cannot be found by key, so the key also travels as the order's
`description`, which only completed orders show.

Orders are placed `async`: the answer is quick and names the order. The other mode issues the card
within the request, and a time-out would then be the key's answer for 30 days."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Annotated, Any
from urllib.parse import quote

import httpx
from pydantic import AfterValidator, Field, HttpUrl, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict
from standardwebhooks.webhooks import (
    EmptyWebhookSecretError,
    Webhook,
    WebhookVerificationError,
)

from domain.orders import OrderRequest, OrderSnapshot, Recipient
from providers.client import ProviderClient
from providers.outcomes import NotSent, OutcomeUnknown, ProviderError
from providers.protocol import Capabilities, Product, Replay
from providers.reading import document, moment, reading
from providers.runa_messages import PAUSE, order_body, read_event, read_order, read_product, refusal
from providers.webhooks import ProviderEvent, WebhookRefused

_VERSION = "2024-02-05"
_PAGE = 500
_SKEW = timedelta(minutes=5)
"""How far their clock may differ from ours, and rows from their order."""


def _signing_secret(secret: SecretStr) -> SecretStr:
    """Refuse a malformed secret at the start, instead of at each webhook."""
    try:
        if secret.get_secret_value():
            Webhook(secret.get_secret_value())
    except (EmptyWebhookSecretError, ValueError):
        raise ValueError("no signing secret: whsec_ and base64") from None
    return secret


class RunaSettings(BaseSettings):
    """This provider's section of the environment."""

    model_config = SettingsConfigDict(env_prefix="GUERDON_RUNA_", hide_input_in_errors=True)

    url: HttpUrl = Field(description="base address, without /v2")
    api_key: SecretStr = Field(description="the account's API key")
    webhook_secret: Annotated[SecretStr, AfterValidator(_signing_secret)] = Field(
        default=SecretStr(""), description="the endpoint's whsec_…; without it none is believed"
    )
    webhook_token: SecretStr = Field(
        default=SecretStr(""),
        description="the end of the address given to them: <public url>/hooks/runa/<token>",
    )
    max_per_second: float = Field(
        default=5,
        gt=0,
        description="requests a second, all workers; documented: 300 a minute",
    )


class Runa(ProviderClient):
    """The adapter. `within`: seconds that one exchange may take."""

    name = "runa"
    REFUSALS = frozenset({401, 403, 410, 429})
    capabilities = Capabilities(
        replay=Replay.CACHES,  # the first answer again, a 5xx included
        signals_delivery=False,  # no delivery status of e-mails, in no answer and no webhook
        key_life=timedelta(days=30),  # then the same key "will result in a new order"
        most_repeats=4,  # the same 5xx over and over teaches nothing: look for the description
        pause=PAUSE,  # "wait a few seconds", and 5 s after a 429
        can_resend=False,  # no such call
        can_cancel=False,  # on request to their support only
    )

    def __init__(self, settings: RunaSettings, *, within: float) -> None:
        super().__init__(
            f"{str(settings.url).rstrip('/')}/v2",
            within=within,
            headers={
                "X-Api-Key": settings.api_key.get_secret_value().strip(),
                "X-Api-Version": _VERSION,
            },
        )
        self._settings = settings

    async def place_order(self, request: OrderRequest) -> OrderSnapshot:
        headers = {"X-Idempotency-Key": request.key, "X-Execution-Mode": "async"}
        body = order_body(request)
        response = await self._exchange("POST", "/order", creates=True, headers=headers, json=body)
        if response.status_code not in (200, 202):
            raise refusal(response, request.recipient)
        with reading(f"the order ({response.status_code})", lost=OutcomeUnknown):
            return read_order(document(response), request.face.currency)

    async def get_order(self, provider_order_id: str, currency: str) -> OrderSnapshot:
        body = await self._read(f"/order/{quote(provider_order_id, safe='')}")
        with reading("the order"):
            return read_order(body, currency)

    async def find_order(
        self, key: str, currency: str, *, not_before: datetime
    ) -> list[OrderSnapshot]:
        """By description, in the list. Raises NotSent while an order in process might be ours: its
        absence cannot be concluded then."""
        ids, in_process = [], False
        async for row in self._since(not_before):
            if row.get("description") == key:
                ids.append(str(row.get("id")))
            in_process |= row.get("created_at") is None and row.get("status") != "FAILED"
        if in_process and not ids:
            raise NotSent("an order is in process, and whose it is shows only when it completes")
        # Rows leave out the card, so each order is read whole.
        return [await self.get_order(order_id, currency) for order_id in ids]

    async def list_orders(self, since: datetime, until: datetime) -> AsyncIterator[OrderSnapshot]:
        """Orders created in [since, until), newest first. Raises NotSent when it cannot be read.

        Rows of failed or pending orders show only an id. Each counts as created with the next older
        row that has a time (or the next newer one), so that adjacent windows return it once."""
        group: list[OrderSnapshot] = []
        at: datetime | None = None
        async for row in self._since(since):
            with reading("the order"):
                group.append(read_order(row, ""))
            if group[-1].created_at is None:
                continue
            at = group[-1].created_at
            for order in group if since <= at < until else ():
                yield order
            group = []
        for order in group if at is None or since <= at < until else ():
            yield order

    async def products(self) -> AsyncIterator[Product]:
        async for row in self._pages("/product", "catalog"):
            with reading("a product"):
                product = read_product(row)
            if product:
                yield product

    def read_webhook(self, headers: Mapping[str, str], body: bytes) -> ProviderEvent:
        """Check Svix's signature over the raw body, then read. Raises WebhookRefused."""
        given = {name.lower(): value for name, value in headers.items()}
        return read_event(self._verified(given, body), body)

    def _verified(self, headers: Mapping[str, str], body: bytes) -> str:
        """The event's id, once a signature is valid. The library only knows the standard's header
        names, and raises ValueError for a malformed signature or body: each signature is tried
        alone, so that a malformed one does not hide a valid one."""
        secret = self._settings.webhook_secret.get_secret_value()
        names = ("svix-id", "svix-timestamp", "svix-signature")
        event_id, at, signatures = (headers.get(name, "") for name in names)
        for signature in signatures.split() if secret else ():
            standard = {
                "webhook-id": event_id,
                "webhook-timestamp": at,
                "webhook-signature": signature,
            }
            with suppress(WebhookVerificationError, ValueError):
                Webhook(secret).verify(body, standard, json_parse=False)
                return event_id
        raise WebhookRefused("no signature holds")

    async def _since(self, since: datetime) -> AsyncIterator[dict[str, Any]]:
        """Rows of the list, newest first. There is no date filter, so reading stops at the first
        order that is certainly older; that one is included."""
        async for row in self._pages("/order", "items"):
            with reading("the list of orders"):
                created_at = moment(row.get("created_at"))
            yield row
            if created_at and created_at < since - _SKEW:
                return

    async def _pages(self, path: str, name: str) -> AsyncIterator[dict[str, Any]]:
        """Rows of all pages. Only an empty page is the end."""
        params = {"limit": str(_PAGE)}
        while True:
            body = await self._read(path, params)
            rows = body.get(name)
            if not isinstance(rows, list):
                raise NotSent(f"{path} cannot be read")
            if not rows:
                return
            for row in rows:
                yield row
            with reading(f"the cursor of {path}"):
                params["after"] = str(body["pagination"]["cursors"]["after"])

    async def _read(self, path: str, params: dict[str, str] | None = None) -> dict[str, Any]:
        return self._document(path, await self._get(path, params))

    def _refusal(self, response: httpx.Response) -> ProviderError:
        return refusal(response, Recipient())
