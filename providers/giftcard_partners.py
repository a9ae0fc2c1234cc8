"""GiftCard Partners' Engage2Reward gift-card API (seed 004).

Facts: reference/voucherify-and-giftcard-partners.md §2. `PONumber` is the idempotency key: a
repeat is refused with 409, which names the first order. Documents write PascalCase, servers of
the same contract camelCase, so answers are read in any case."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import httpx
from pydantic import Field, HttpUrl, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from domain.orders import (
    OrderRequest,
    OrderSnapshot,
)
from domain.rewards import Delivery
from providers.client import ProviderClient
from providers.giftcard_partners_messages import (
    given,
    key_of,
    listed_order,
    order_body,
    previous_order,
    product_of,
    reason,
    rows_of,
    snapshot_of,
)
from providers.http import folded
from providers.outcomes import (
    InsufficientFunds,
    KeyAlreadyUsed,
    NotSent,
    OrderRejected,
    OutcomeUnknown,
    ProviderMisconfigured,
)
from providers.protocol import Capabilities, Product, Replay
from providers.reading import reading

_PAGE = 50


class GiftCardPartnersSettings(BaseSettings):
    """This provider's section of the environment."""

    model_config = SettingsConfigDict(
        env_prefix="GUERDON_GIFTCARD_PARTNERS_", hide_input_in_errors=True
    )

    url: HttpUrl = Field(description="base address, without /v1")
    email: SecretStr = Field(description="the API user")
    access_token: SecretStr = Field(description="the API user's access token")
    max_per_second: float = Field(default=50, gt=0, description="requests a second, all workers")


class GiftCardPartners(ProviderClient):
    """The adapter. `within`: seconds that one exchange may take."""

    name = "giftcard-partners"
    capabilities = Capabilities(
        replay=Replay.REFUSES,
        signals_delivery=False,
        catalogue_life=timedelta(days=7),  # "cache products at least a week"
    )

    def __init__(self, settings: GiftCardPartnersSettings, *, within: float) -> None:
        super().__init__(settings.url, within=within)
        self._settings = settings
        self._token: str | None = None
        self._renew_at = 0.0
        self._renewing = asyncio.Lock()

    async def place_order(self, request: OrderRequest) -> OrderSnapshot:
        body = order_body(request)
        if request.delivery is Delivery.POST:
            body["LineItems"][0]["PhysicalDeliveryAddress"] |= await self._shipping()
        response = await self._call("POST", "/v1/Orders", json=body, creates=True)
        match response.status_code:
            case 200 | 201:
                with reading(f"a {response.status_code}", lost=OutcomeUnknown):
                    return snapshot_of(folded(response.json()), request.face.currency)
            case 409:
                raise KeyAlreadyUsed("the PONumber is taken", previous_order(response))
            case 422:
                raise InsufficientFunds("the deposit account does not cover the order")
            case 400:
                raise OrderRejected(reason(response, request.recipient))
            case _:
                raise OutcomeUnknown(f"the provider answered {response.status_code}")

    async def get_order(self, provider_order_id: str, currency: str) -> OrderSnapshot:
        response = await self._call("GET", f"/v1/Orders/{provider_order_id}")
        if response.status_code != 200:
            raise NotSent(f"the order could not be read: {response.status_code}")
        with reading("the order"):
            return snapshot_of(folded(response.json()), currency)

    async def find_order(
        self, key: str, currency: str, *, not_before: datetime
    ) -> list[OrderSnapshot]:
        found = []
        async for order in self._pages("/v1/Orders"):
            with reading("the list of orders"):
                if key_of(order) == key:
                    found.append(snapshot_of(order, currency))
        return found

    async def list_orders(self, since: datetime, until: datetime) -> AsyncIterator[OrderSnapshot]:
        """Orders created in [since, until). The API documents no date, neither in a row nor as a
        filter, so every page is read. Rows name no currency; it is taken from their product."""
        currencies = {product.id: product.currency async for product in self.products()}
        async for order in self._pages("/v1/Orders"):
            with reading("a listed order"):
                listed = listed_order(order, currencies)
            if listed.created_at is None or since <= listed.created_at < until:
                yield listed

    async def products(self) -> AsyncIterator[Product]:
        async for product in self._pages("/v1/Products"):
            with reading("the catalogue"):
                item = product_of(product)
            yield item

    async def _shipping(self) -> dict[str, str]:
        """The first shipping method on offer; a plastic card cannot be ordered without one."""
        response = await self._call("GET", "/v1/ShippingMethods")
        with reading(f"the shipping methods ({response.status_code})"):
            first = folded(response.json())[0]
            carriers = first.get("carrierids") or [None]
            method = {"ShippingMethodId": str(first["id"]), "CarrierId": carriers[0]}
        return given(method)

    async def _pages(self, path: str) -> AsyncIterator[dict[str, Any]]:
        index = 1
        while True:
            response = await self._call("GET", path, params={"pageIndex": index, "pageSize": _PAGE})
            if response.status_code != 200:
                raise NotSent(f"{path} could not be read: {response.status_code}")
            page = rows_of(response)
            for row in page:
                yield row
            if len(page) < _PAGE:
                return
            index += 1

    async def _call(
        self, method: str, path: str, *, creates: bool = False, **parts: Any
    ) -> httpx.Response:
        """One exchange with a valid token. A 401 was refused without being processed, so the token
        is renewed and the request sent again, once."""
        token = await self._bearer()
        response = await self._bearing(token, method, path, creates, parts)
        if response.status_code == 401:
            token = await self._bearer(refused=token)
            response = await self._bearing(token, method, path, creates, parts)
        if response.status_code in self.REFUSALS:
            raise self._refusal(response)
        return response

    async def _bearing(
        self, token: str, method: str, path: str, creates: bool, parts: dict[str, Any]
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"}
        return await self._exchange(method, path, creates=creates, headers=headers, **parts)

    async def _bearer(self, refused: str | None = None) -> str:
        """The token; a new one if it was `refused`. Of many calls refused together only the first
        renews it."""
        async with self._renewing:
            if self._token in (None, refused) or time.monotonic() >= self._renew_at:
                self._token = None
                self._token = await self._new_token()
            return self._token

    async def _new_token(self) -> str:
        headers = {
            "Email": self._settings.email.get_secret_value(),
            "AccessToken": self._settings.access_token.get_secret_value(),
        }
        response = await self._exchange("POST", "/v1/Tokens", headers=headers)
        if response.status_code in (401, 403):
            raise ProviderMisconfigured(f"no token for this credential: {response.status_code}")
        if response.status_code != 200:
            raise NotSent(f"no token: the provider answered {response.status_code}")
        with reading("the token"):
            body = folded(response.json())
            # The unit of ExpiresIn is documented nowhere; seconds is the shorter reading. A tenth
            # early, so that a token does not die under a request.
            self._renew_at = time.monotonic() + float(body["expiresin"]) * 0.9
            return str(body["value"])
