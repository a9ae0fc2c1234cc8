"""GiftCard Partners' Engage2Reward gift-card API (seed 004).

Facts: reference/voucherify-and-giftcard-partners.md §2. `PONumber` is the idempotency key: a
repeat is refused with 409, which names the first order. Documents write PascalCase, servers of
the same contract camelCase, so answers are read in any case.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import datetime
from decimal import Decimal
from typing import Any

import httpx
from pydantic import Field, HttpUrl, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from domain.money import Money
from domain.orders import (
    ClaimSecret,
    DeliveryState,
    OrderRequest,
    OrderSnapshot,
    OrderState,
    Recipient,
)
from domain.rewards import Delivery
from providers.http import exchange, folded, retry_after
from providers.outcomes import (
    InsufficientFunds,
    KeyAlreadyUsed,
    NotSent,
    OrderRejected,
    OutcomeUnknown,
    ProviderMisconfigured,
    RateLimited,
)
from providers.protocol import Capabilities, Product, Replay
from providers.reading import fit_to_tell, reading

_TYPES = {
    Delivery.EMAIL: "DigitalDelivery",
    Delivery.SMS: "DigitalDelivery",
    Delivery.LINK: "Links",
    Delivery.POST: "PhysicalShipment",
}
_STATES = {"pending": OrderState.PENDING, "completed": OrderState.ISSUED}
_PAGE = 50


class GiftCardPartnersSettings(BaseSettings):
    """This provider's section of the environment."""

    model_config = SettingsConfigDict(env_prefix="GUERDON_GIFTCARD_PARTNERS_")

    url: HttpUrl = Field(description="base address, without /v1")
    email: SecretStr = Field(description="the API user")
    access_token: SecretStr = Field(description="the API user's access token")
    max_per_second: float = Field(default=50, gt=0, description="requests a second, all workers")


class GiftCardPartners:
    """The adapter. `within`: seconds that one exchange may take."""

    name = "giftcard-partners"
    capabilities = Capabilities(replay=Replay.REFUSES, signals_delivery=False)

    def __init__(self, settings: GiftCardPartnersSettings, *, within: float) -> None:
        self._settings = settings
        self._within = within
        self._http = httpx.AsyncClient(base_url=str(settings.url).rstrip("/"), timeout=within)
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
                    return _snapshot(folded(response.json()), request.face.currency)
            case 409:
                raise KeyAlreadyUsed("the PONumber is taken", _previous_order(response))
            case 422:
                raise InsufficientFunds("the deposit account does not cover the order")
            case 400:
                raise OrderRejected(_words(response, request.recipient))
            case _:
                raise OutcomeUnknown(f"the provider answered {response.status_code}")

    async def get_order(self, provider_order_id: str, currency: str) -> OrderSnapshot:
        response = await self._call("GET", f"/v1/Orders/{provider_order_id}")
        if response.status_code != 200:
            raise NotSent(f"the order could not be read: {response.status_code}")
        with reading("the order"):
            return _snapshot(folded(response.json()), currency)

    async def find_order(
        self, key: str, currency: str, *, not_before: datetime
    ) -> list[OrderSnapshot]:
        found = []
        async for order in self._pages("/v1/Orders"):
            with reading("the list of orders"):
                if _key(order) == key:
                    found.append(_snapshot(order, currency))
        return found

    async def products(self) -> AsyncIterator[Product]:
        async for product in self._pages("/v1/Products"):
            with reading("the catalogue"):
                item = _product(product)
            yield item

    async def close(self) -> None:
        await self._http.aclose()

    async def _shipping(self) -> dict[str, str]:
        """The first shipping method on offer; a plastic card cannot be ordered without one."""
        response = await self._call("GET", "/v1/ShippingMethods")
        with reading(f"the shipping methods ({response.status_code})"):
            first = folded(response.json())[0]
            carriers = first.get("carrierids") or [None]
            method = {"ShippingMethodId": str(first["id"]), "CarrierId": carriers[0]}
        return _given(method)

    async def _pages(self, path: str) -> AsyncIterator[dict[str, Any]]:
        index = 1
        while True:
            response = await self._call("GET", path, params={"pageIndex": index, "pageSize": _PAGE})
            if response.status_code != 200:
                raise NotSent(f"{path} could not be read: {response.status_code}")
            rows = _rows(response)
            for row in rows:
                yield row
            if len(rows) < _PAGE:
                return
            index += 1

    async def _call(
        self, method: str, path: str, *, creates: bool = False, **parts: Any
    ) -> httpx.Response:
        """One exchange with a valid token. A 401 was refused unread, so the token is renewed and
        the request sent again, once."""
        token = await self._bearer()
        response = await self._exchange(method, path, token, creates, parts)
        if response.status_code == 401:
            token = await self._bearer(refused=token)
            response = await self._exchange(method, path, token, creates, parts)
        match response.status_code:
            case 401 | 403:
                raise ProviderMisconfigured(f"the credential is refused: {response.status_code}")
            case 429:
                raise RateLimited("too many requests", retry_after=retry_after(response))
        return response

    async def _exchange(
        self, method: str, path: str, token: str, creates: bool, parts: dict[str, Any]
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"}
        request = self._http.build_request(method, path, headers=headers, **parts)
        return await exchange(self._http, request, within=self._within, creates=creates)

    async def _bearer(self, refused: str | None = None) -> str:
        """The token, a new one if it was `refused`. Of many calls that were refused together only
        the first renews it."""
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
        request = self._http.build_request("POST", "/v1/Tokens", headers=headers)
        response = await exchange(self._http, request, within=self._within, creates=False)
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


def order_body(request: OrderRequest) -> dict[str, Any]:
    """The order as `POST /v1/Orders` wants it. Value in major units."""
    personal = request.personalization
    line: dict[str, Any] = {
        "ProductId": request.product_id,
        "Value": float(request.face.to_major()),
        "Quantity": 1,
        "Personalization": _given(
            {
                "To": request.recipient.name,
                "FromName": personal.from_name,
                "FromEmail": personal.from_email,
                "Message": personal.message,
            }
        ),
    }
    match request.delivery:
        case Delivery.EMAIL:
            line["DigitalDeliveryAddress"] = {"Email": request.recipient.email}
        case Delivery.SMS:
            line["DigitalDeliveryAddress"] = {"Sms": request.recipient.phone}
        case Delivery.POST:
            line["PhysicalDeliveryAddress"] = _postal(request)
        case Delivery.LINK:
            pass
    body: dict[str, Any] = {
        "Type": _TYPES[request.delivery],
        "LineItems": [line],
        "PONumber": request.key,
    }
    if request.callback_url:
        body["WebhookSettings"] = {"FulfillmentComplete": request.callback_url}
    return body


def _given(members: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in members.items() if value is not None}


def _postal(request: OrderRequest) -> dict[str, str]:
    address = request.recipient.address or {}
    return _given(
        {
            "Name": request.recipient.name,
            "AddressLine1": address.get("line_1"),
            "AddressLine2": address.get("line_2"),
            "City": address.get("city"),
            "State": address.get("state"),
            "Zip": address.get("postal_code"),
            "Country": address.get("country"),
        }
    )


def _rows(response: httpx.Response) -> list[dict[str, Any]]:
    with reading("a page of a list"):
        body = folded(response.json())
        rows = body if isinstance(body, list) else body["data"]
        return [dict(row) for row in rows]


def _key(order: dict[str, Any]) -> str | None:
    return str(order["ponumber"]).lower() if order.get("ponumber") else None


def _snapshot(order: dict[str, Any], currency: str) -> OrderSnapshot:
    if not order["id"] or not order["status"]:
        raise ValueError("an order without a name or a status")
    raw = str(order["status"])
    state = _STATES.get(raw.lower())
    lines = order.get("lineitems") or []
    secret = _secret(lines)
    return OrderSnapshot(
        provider_order_id=str(order["id"]),
        key=_key(order),
        state=state or OrderState.PENDING,
        delivery=_delivery(state, str(order.get("type", "")), secret),
        raw_status=raw,
        face=_total(lines, "value", currency),
        charged=_total(lines, "cost", currency),
        secret=secret,
        recognised=state is not None,
    )


def _delivery(state: OrderState | None, kind: str, secret: ClaimSecret | None) -> DeliveryState:
    """The API has no delivery signal: a completed order counts as sent. Links come to us, and an
    order of one is looked at until its link is there."""
    if state is not OrderState.ISSUED:
        return DeliveryState.PENDING
    if kind.lower() == "links":
        return DeliveryState.NOT_APPLICABLE if secret else DeliveryState.PENDING
    return DeliveryState.SENT


def _total(lines: list[dict[str, Any]], member: str, currency: str) -> Money | None:
    if not lines or any(line.get(member) is None for line in lines):
        return None
    total = sum(Decimal(str(line[member])) * int(line.get("quantity") or 1) for line in lines)
    return Money.from_major(Decimal(total), currency)


def _secret(lines: list[dict[str, Any]]) -> ClaimSecret | None:
    claims = [claim for line in lines for claim in line.get("claimdata") or []]
    if not claims or not claims[0].get("claimlink"):
        return None
    answer = claims[0].get("claimlinkchallengeanswer")
    return ClaimSecret(link=claims[0]["claimlink"], challenge_answer=answer)


def _previous_order(response: httpx.Response) -> str | None:
    """The first order's id: the documents say "in the body" and no more, so look everywhere."""
    try:
        body = folded(response.json())
    except ValueError:
        return None
    if not isinstance(body, dict):
        return None
    previous = body.get("previousorderids") or body.get("previousorderid") or body.get("id")
    first = previous[0] if isinstance(previous, list) else previous
    return str(first) if first else None


def _words(response: httpx.Response, recipient: Recipient) -> str:
    """The provider's reason. Its body may echo our request, so only a message is kept, and that
    only if it repeats nothing of the recipient's."""
    try:
        body = folded(response.json())
    except ValueError:
        body = None
    message = body.get("message") or body.get("error") if isinstance(body, dict) else None
    said = fit_to_tell(message, recipient)
    return f"the provider refused the order: {said}" if said else "the provider refused the order"


def _product(product: dict[str, Any]) -> Product:
    currency = product["currencycode"]
    values = [Money.from_major(value, currency) for value in product.get("denominations") or []]
    fixed = str(product.get("denominationtype", "")).lower() == "fixed"
    offered = {str(kind).lower() for kind in product.get("availabledeliverytypes") or []}
    by_amount = sorted(values, key=lambda money: money.amount)
    return Product(
        id=str(product["id"]),
        name=str(product["name"]),
        currency=currency,
        fixed=tuple(by_amount) if fixed else (),
        smallest=by_amount[0] if by_amount and not fixed else None,
        largest=by_amount[-1] if by_amount and not fixed else None,
        deliveries=frozenset(d for d, kind in _TYPES.items() if kind.lower() in offered),
    )
