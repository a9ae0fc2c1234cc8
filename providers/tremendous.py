"""Tremendous' rewards API, v2.

Facts: reference/gift-card-providers.md §1, and the docstrings of the official SDK 6.0.0.
`external_id` is the idempotency key: a new order answers 200, a repeat 201 with the first order,
other contents 409. An order is paid at once; what takes time is the delivery of its one reward."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import httpx
from pydantic import Field, HttpUrl, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from domain.orders import (
    ClaimSecret,
    DeliveryState,
    OrderRequest,
    OrderSnapshot,
    OrderState,
)
from domain.rewards import Delivery
from providers.client import ProviderClient
from providers.outcomes import (
    InsufficientFunds,
    KeyConflict,
    NotSent,
    OrderRejected,
    OutcomeUnknown,
    ProviderError,
    ProviderMisconfigured,
)
from providers.protocol import Capabilities, Product, Replay
from providers.reading import document, reading
from providers.tremendous_messages import (
    order_body,
    read_event,
    read_order,
    read_product,
    reason,
    reward_id,
)
from providers.webhooks import ProviderEvent, check_signature

_PAGE = 500
_REFUSED = frozenset({400, 409, 422})
"""This reward's state does not allow a resend or a cancellation."""


class TremendousSettings(BaseSettings):
    """This provider's section of the environment."""

    model_config = SettingsConfigDict(env_prefix="GUERDON_TREMENDOUS_", hide_input_in_errors=True)

    url: HttpUrl = Field(description="base address, without /api/v2")
    api_key: SecretStr = Field(description="an API key that may read and write")
    funding_source: str = Field(default="BALANCE", description="what pays: an id, or BALANCE")
    webhook_secret: SecretStr = Field(
        default=SecretStr(""), description="the webhook's private_key; without it none is believed"
    )
    webhook_token: SecretStr = Field(
        default=SecretStr(""),
        description="the end of the address given to them: <public url>/hooks/tremendous/<token>",
    )
    max_per_second: float = Field(default=10, gt=0, description="requests a second, all workers")


class Tremendous(ProviderClient):
    """The adapter. `within`: seconds that one exchange may take."""

    name = "tremendous"
    capabilities = Capabilities(
        replay=Replay.REPLAYS,  # same key, same contents: 201 and the order that exists
        signals_delivery=True,  # the reward's delivery.status, and a webhook
        key_life=None,  # no expiry of external_id is documented
        most_repeats=None,  # a repeat creates nothing, however often
        pause=timedelta(seconds=1),  # what the rate-limit page asks for after a 429
        can_resend=True,  # POST /rewards/{id}/resend, after a delivery failure
        resends_elsewhere=True,  # `updated_email`
        can_cancel=True,  # POST /rewards/{id}/cancel, but only after a delivery failure
        lists_by_date=True,
    )

    def __init__(self, settings: TremendousSettings, *, within: float) -> None:
        super().__init__(
            f"{str(settings.url).rstrip('/')}/api/v2",
            within=within,
            headers={"Authorization": f"Bearer {settings.api_key.get_secret_value().strip()}"},
        )
        self._settings = settings

    async def place_order(self, request: OrderRequest) -> OrderSnapshot:
        body = order_body(request, self._settings.funding_source)
        response = await self._accepted("POST", "/orders", creates=True, json=body)
        match response.status_code:
            case 200 | 201:  # 201 is the repeat, not the new one
                snapshot = _bought(response, request.face.currency)
                return await self._with_link(request, snapshot)
            case 400 | 422:  # invalid contents; which of the two, its own SDKs disagree
                raise OrderRejected(reason(response, request.recipient))
            case 402:
                raise InsufficientFunds("the balance does not cover the order")
            case 409:
                raise KeyConflict("the external_id stands for an order with other contents")
            case 404 | 405 | 410:  # no such path: the address is wrong, no order was read
                raise ProviderMisconfigured(f"not Tremendous' address: {response.status_code}")
            case status:  # 5xx, 3xx, or a word from something in between
                raise OutcomeUnknown(f"the provider answered {status}")

    async def get_order(self, provider_order_id: str, currency: str) -> OrderSnapshot:
        """Reads never show a link: an issued LINK order reads as not yet handed over, and a link
        that was not stored has to be requested by `fresh_link`."""
        return _seen(await self._order(provider_order_id), currency)

    async def find_order(
        self, key: str, currency: str, *, not_before: datetime
    ) -> list[OrderSnapshot]:
        rows = self._orders({"external_id": key})
        found = [_seen(row, currency) async for row in rows]
        # Keyed by id, because pages may repeat rows; filtered by key, in case the filter is
        # ignored.
        return list(
            {order.provider_order_id: order for order in found if order.key == key}.values()
        )

    async def list_orders(self, since: datetime, until: datetime) -> AsyncIterator[OrderSnapshot]:
        """Orders created in [since, until), newest first. Raises NotSent when it cannot be read.

        Pages are by offset, so a new order shifts every row. `until` fixes the list, and repeated
        rows (if `until` lies ahead) are returned once."""
        window = {
            "created_at[gte]": since.astimezone(UTC).isoformat(),
            "created_at[lte]": until.astimezone(UTC).isoformat(),
        }
        met = set()
        async for row in self._orders(window):
            order = _seen(row, "")
            inside = order.created_at is None or since <= order.created_at < until
            if inside and order.provider_order_id not in met:
                met.add(order.provider_order_id)
                yield order

    async def products(self) -> AsyncIterator[Product]:
        for row in (await self._read("/products")).get("products") or []:
            with reading("a product"):
                currencies = row.get("currency_codes") or []
                found = [read_product(row, currency) for currency in currencies]
            for product in found:
                yield product

    async def fresh_link(self, provider_order_id: str) -> ClaimSecret:
        """A new claim link for a LINK order: the first one is only in the first answer, and only
        its hash is kept.

        Whether older links keep working is not documented, so ask only for an order whose link was
        never stored. Raises NotSent when none is available now."""
        path = f"/rewards/{reward_id(await self._order(provider_order_id))}/generate_link"
        response = await self._accepted("POST", path)
        with reading(f"no link could be had ({response.status_code})"):
            return ClaimSecret(link=document(response)["reward"]["link"])

    async def resend(self, provider_order_id: str, email: str | None) -> None:
        """Deliver again, to `email` if given. Raises OrderRejected where the API refuses: it
        resends only after a delivery failure."""
        path = f"/rewards/{reward_id(await self._order(provider_order_id))}/resend"
        body = {"updated_email": email} if email else {}
        response = await self._accepted("POST", path, creates=True, json=body)
        if response.status_code in _REFUSED:
            # The message is left out: it may quote the old address, which is not known here.
            raise OrderRejected(f"no delivery of it has failed ({response.status_code})")
        if not response.is_success:
            raise OutcomeUnknown(f"the provider answered {response.status_code} to a resend")

    async def cancel(self, provider_order_id: str) -> bool:
        """Cancel the reward; its value is refunded. False where the API refuses: it cancels only
        rewards whose delivery failed and that are neither redeemed nor expired."""
        order = await self._order(provider_order_id)
        if _seen(order, "").state is OrderState.CANCELLED:  # by an answer that was lost
            return True
        path = f"/rewards/{reward_id(order)}/cancel"
        response = await self._accepted("POST", path, creates=True)
        if not response.is_success and response.status_code not in _REFUSED:
            raise OutcomeUnknown(f"the provider answered {response.status_code} to a cancellation")
        return response.is_success

    async def order_id_of(self, reward_id: str) -> str:
        """The order of a reward, which is all that a delivery webhook names. Raises NotSent."""
        body = await self._read(f"/rewards/{quote(reward_id, safe='')}")
        with reading("the reward"):
            return str(body["reward"]["order_id"])

    def read_webhook(self, headers: Mapping[str, str], body: bytes) -> ProviderEvent:
        """Check `Tremendous-Webhook-Signature: sha256=<hex HMAC-SHA256(private key, raw body)>`,
        then read. It carries no time, so only `event_id` identifies repeats. Raises WebhookRefused.
        """
        secret = self._settings.webhook_secret.get_secret_value().encode()
        given = {name.lower(): value for name, value in headers.items()}
        check_signature(secret, body, given.get("tremendous-webhook-signature", ""))
        return read_event(body)

    async def _with_link(self, request: OrderRequest, bought: OrderSnapshot) -> OrderSnapshot:
        """A repeat does not show the link that the lost answer contained. Nobody has the card
        without it, so an order without a link is not finished."""
        needed = request.delivery is Delivery.LINK and bought.state is OrderState.ISSUED
        if not needed or bought.secret:
            return bought
        try:
            secret = await self.fresh_link(bought.provider_order_id)
        except ProviderError as error:
            raise OutcomeUnknown(f"ordered, but without its link: {error.detail}") from None
        handed_over = {"secret": secret, "delivery": DeliveryState.NOT_APPLICABLE}
        return bought.model_copy(update=handed_over)

    async def _order(self, provider_order_id: str) -> dict[str, Any]:
        order = (await self._read(f"/orders/{quote(provider_order_id, safe='')}")).get("order")
        if not isinstance(order, dict):
            raise NotSent("an order that cannot be read")
        return order

    async def _orders(self, filters: dict[str, str]) -> AsyncIterator[dict[str, Any]]:
        offset = 0
        while True:
            page = filters | {"limit": str(_PAGE), "offset": str(offset)}
            rows = (await self._read("/orders", page)).get("orders")
            if not isinstance(rows, list):
                raise NotSent("the list of orders cannot be read")
            for row in rows:
                yield row
            if len(rows) < _PAGE:
                return
            offset += _PAGE

    async def _read(self, path: str, params: dict[str, str] | None = None) -> dict[str, Any]:
        return self._document(path, await self._get(path, params))


def _bought(response: httpx.Response, currency: str) -> OrderSnapshot:
    with reading(f"the order ({response.status_code})", lost=OutcomeUnknown):
        return read_order(document(response)["order"], currency)


def _seen(order: Any, currency: str) -> OrderSnapshot:
    with reading("the order"):
        return read_order(order, currency)
