"""What is sent to GiftCard Partners, and what its answers mean. No I/O."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import httpx

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
from providers.http import folded
from providers.protocol import Product
from providers.reading import fit_to_tell, moment, reading, rounded

_TYPES = {
    Delivery.EMAIL: "DigitalDelivery",
    Delivery.SMS: "DigitalDelivery",
    Delivery.LINK: "Links",
    Delivery.POST: "PhysicalShipment",
}
_STATES = {"pending": OrderState.PENDING, "completed": OrderState.ISSUED}


def order_body(request: OrderRequest) -> dict[str, Any]:
    """The order as `POST /v1/Orders` wants it. Value in major units."""
    personal = request.personalization
    line: dict[str, Any] = {
        "ProductId": request.product_id,
        "Value": float(request.face.to_major()),
        "Quantity": 1,
        "Personalization": given(
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


def given(members: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in members.items() if value is not None}


def _postal(request: OrderRequest) -> dict[str, str]:
    address = request.recipient.address or {}
    return given(
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


def rows_of(response: httpx.Response) -> list[dict[str, Any]]:
    with reading("a page of a list"):
        body = folded(response.json())
        rows = body if isinstance(body, list) else body["data"]
        return [dict(row) for row in rows]


def key_of(order: dict[str, Any]) -> str | None:
    return str(order["ponumber"]).lower() if order.get("ponumber") else None


def listed_order(order: dict[str, Any], currencies: dict[str, str]) -> OrderSnapshot:
    """A row of the list, without its secret. `currencies`: by product. Amounts of a product that is
    no longer sold are left out."""
    lines = order.get("lineitems") or [{}]
    currency = currencies.get(str(lines[0].get("productid")))
    if currency is None:
        order = order | {"lineitems": [{**line, "value": None, "cost": None} for line in lines]}
    listed = snapshot_of(order, currency or "")
    at = moment(order.get("createddate"))
    return listed.model_copy(update={"created_at": at, "secret": None})


def snapshot_of(order: dict[str, Any], currency: str) -> OrderSnapshot:
    if not order["id"] or not order["status"]:
        raise ValueError("an order without a name or a status")
    raw = str(order["status"])
    state = _STATES.get(raw.lower())
    lines = order.get("lineitems") or []
    secret, cost = _secret(lines), _sum(lines, "cost")
    charged = None if cost is None else rounded(cost, currency)
    exact = charged is None or charged.to_major() == cost
    return OrderSnapshot(
        provider_order_id=str(order["id"]),
        key=key_of(order),
        state=state or OrderState.PENDING,
        delivery=_delivery(state, str(order.get("type", "")), secret),
        raw_status=raw,
        face=None if (value := _sum(lines, "value")) is None else rounded(value, currency),
        product_id=_product(lines),
        charged=charged,
        raw_charge=None if exact else str(cost),
        secret=secret,
        recognised=state is not None,
    )


def _product(lines: list[dict[str, Any]]) -> str | None:
    """Our orders have one line; others in the account may have more."""
    named = {str(line["productid"]) for line in lines if line.get("productid")}
    return named.pop() if len(named) == 1 else None


def _delivery(state: OrderState | None, kind: str, secret: ClaimSecret | None) -> DeliveryState:
    """The API has no delivery signal, so a completed order counts as sent. A LINK order is polled
    until its link is there."""
    if state is not OrderState.ISSUED:
        return DeliveryState.PENDING
    if kind.lower() == "links":
        return DeliveryState.NOT_APPLICABLE if secret else DeliveryState.PENDING
    return DeliveryState.SENT


def _sum(lines: list[dict[str, Any]], member: str) -> Decimal | None:
    """The sum of all lines, in major units; None where a line shows no number."""
    total = Decimal(0)
    for line in lines:
        try:
            total += Decimal(str(line[member])) * int(line.get("quantity") or 1)
        except (LookupError, ValueError, ArithmeticError):
            return None
    return total if lines else None


def _secret(lines: list[dict[str, Any]]) -> ClaimSecret | None:
    claims = [claim for line in lines for claim in line.get("claimdata") or []]
    if not claims or not claims[0].get("claimlink"):
        return None
    answer = claims[0].get("claimlinkchallengeanswer")
    return ClaimSecret(link=claims[0]["claimlink"], challenge_answer=answer)


def previous_order(response: httpx.Response) -> str | None:
    """The first order's id. The documentation only says "in the body", so every member is
    searched."""
    try:
        body = folded(response.json())
    except ValueError:
        return None
    if not isinstance(body, dict):
        return None
    previous = body.get("previousorderids") or body.get("previousorderid") or body.get("id")
    first = previous[0] if isinstance(previous, list) else previous
    return str(first) if first else None


def reason(response: httpx.Response, recipient: Recipient) -> str:
    """The provider's message. Its body may echo our request, so only the message is kept, and only
    if it repeats nothing of the recipient's."""
    try:
        body = folded(response.json())
    except ValueError:
        body = None
    message = body.get("message") or body.get("error") if isinstance(body, dict) else None
    said = fit_to_tell(message, recipient)
    return f"the provider refused the order: {said}" if said else "the provider refused the order"


def product_of(product: dict[str, Any]) -> Product:
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
