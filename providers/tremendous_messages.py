"""Tremendous' messages: the order it is sent, and what its answers and webhooks say."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from urllib.parse import quote

import httpx

from domain.json_text import value_of
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
from providers.outcomes import NotSent, OrderRejected
from providers.protocol import Product
from providers.reading import document, fit_to_tell, moment, money, reading, total
from providers.webhooks import ProviderEvent, WebhookUnreadable

_METHODS = {Delivery.EMAIL: "EMAIL", Delivery.SMS: "PHONE", Delivery.LINK: "LINK"}
_STATES = {
    "CART": OrderState.PENDING,  # what OPEN was called until 2026-02
    "OPEN": OrderState.PENDING,
    "PENDING APPROVAL": OrderState.PENDING,
    "PENDING INTERNAL PAYMENT APPROVAL": OrderState.PENDING,
    "PENDING SETTLEMENT": OrderState.PENDING,
    "EXECUTED": OrderState.ISSUED,
    "FAILED": OrderState.FAILED,
    "CANCELED": OrderState.CANCELLED,
}
_DELIVERIES = {
    "PENDING": DeliveryState.PENDING,
    "SCHEDULED": DeliveryState.PENDING,
    "SUCCEEDED": DeliveryState.DELIVERED,
    # Never permanent: a resend, also to another address, is offered after every failure.
    "FAILED": DeliveryState.FAILED_RETRYABLE,
}
_ADVERSE = (".FAILED", ".CANCELED", ".FLAGGED")


def order_body(request: OrderRequest, funding_source: str) -> dict[str, Any]:
    """The order as `POST /orders` wants it. The sender's address cannot be chosen there, and its
    webhooks are registered once, not with each order. Raises OrderRejected for plastic cards."""
    if request.delivery not in _METHODS:
        raise OrderRejected("Tremendous ships no plastic cards")
    person, personal = request.recipient, request.personalization
    by_phone = request.delivery is Delivery.SMS
    words = _given({"sender_name": personal.from_name, "message": personal.message})
    contact = {"phone": person.phone} if by_phone else {"email": person.email}
    return {
        "external_id": request.key,
        "payment": {"funding_source_id": funding_source},
        "reward": {
            "products": [request.product_id],
            "value": {
                "denomination": float(request.face.to_major()),
                "currency_code": request.face.currency,
            },
            "recipient": _given({"name": person.name} | contact),
            "delivery": {"method": _METHODS[request.delivery]} | ({"meta": words} if words else {}),
        },
    }


def _given(members: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in members.items() if value is not None}


def _rewards(order: dict[str, Any]) -> list[dict[str, Any]]:
    return order.get("rewards") or [{}]


def reward_id(order: dict[str, Any]) -> str:
    """The id of an order's one reward, fit for a path."""
    with reading("the order's reward"):
        return quote(str(_rewards(order)[0]["id"]), safe="")


def read_order(order: dict[str, Any], currency: str) -> OrderSnapshot:
    rewards, payment = _rewards(order), order.get("payment") or {}
    handing = rewards[0].get("delivery") or {}
    words = [str(order["status"]), str(handing.get("status") or "")]
    state, delivery = _STATES.get(words[0].upper()), _DELIVERIES.get(words[1].upper())
    recognised = state is not None and (delivery is not None or not words[1])
    if payment.get("refund"):
        # "Only for canceled orders or orders with canceled rewards": the one reward is void,
        # even where the order's own word stays EXECUTED.
        words.append("refunded")
        state = OrderState.CANCELLED if state is OrderState.ISSUED else state
    # Ours have one reward; others in the account may have more.
    face = total(_worth(reward, currency) for reward in rewards)
    return OrderSnapshot(
        provider_order_id=str(order["id"]),
        key=str(order["external_id"]) if order.get("external_id") else None,
        state=state or OrderState.PENDING,
        delivery=_delivery(state, handing, delivery),
        raw_status="/".join(filter(None, words)),
        face=face,
        charged=_charged(payment),
        created_at=moment(order.get("created_at")),
        secret=ClaimSecret(link=str(handing["link"])) if handing.get("link") else None,
        recognised=recognised,
    )


def _delivery(
    state: OrderState | None, handing: dict[str, Any], delivery: DeliveryState | None
) -> DeliveryState:
    """Nothing is delivered before it is paid. A link's SUCCEEDED only means that it works; it is
    delivered once this answer shows it to us."""
    if state is not OrderState.ISSUED:
        return DeliveryState.PENDING
    if str(handing.get("method")).upper() == "LINK":
        return DeliveryState.NOT_APPLICABLE if handing.get("link") else DeliveryState.PENDING
    return delivery or DeliveryState.PENDING


def _worth(reward: dict[str, Any], currency: str) -> Money | None:
    value = reward.get("value") or {}
    return money(value.get("denomination"), value.get("currency_code") or currency)


def _charged(payment: dict[str, Any]) -> Money | None:
    """What the organisation paid, fee included, in its own currency."""
    return money(payment.get("total"), payment.get("currency_code"))


def read_event(body: bytes) -> ProviderEvent:
    """`payload.resource` names an order or a reward; other kinds concern no order."""
    try:
        said = value_of(body)
        resource = (said.get("payload") or {}).get("resource") or {}
        kind, named = resource.get("type"), resource.get("id")
        return ProviderEvent(
            event_id=said["uuid"],
            provider_order_id=named if kind == "orders" else None,
            reward_id=named if kind == "rewards" else None,
            adverse=str(said.get("event")).endswith(_ADVERSE),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise WebhookUnreadable("signed, but not readable") from None


def reason(response: httpx.Response, recipient: Recipient) -> str:
    """The provider's reason. Its `payload` repeats our request, so only the message is kept."""
    said = ""
    with suppress(NotSent), reading("the reason"):
        said = fit_to_tell(document(response)["errors"]["message"], recipient)
    return f"refused ({response.status_code}) {said}".rstrip()


def read_product(row: dict[str, Any], currency: str) -> Product:
    """`skus` are ranges of denominations; a range of one value is a fixed card. Gaps between ranges
    are not kept: the provider refuses values within them."""
    skus = [sku for sku in row.get("skus") or [] if sku.get("currency_code") == currency]
    bands = [(money(sku.get("min"), currency), money(sku.get("max"), currency)) for sku in skus]
    known = [(low, high) for low, high in bands if low and high]
    fixed = bool(known) and all(low == high for low, high in known)
    by_amount = sorted((edge for band in known for edge in band), key=lambda edge: edge.amount)
    return Product(
        id=str(row["id"]),
        name=str(row["name"]),
        currency=currency,
        fixed=tuple(dict.fromkeys(by_amount)) if fixed else (),
        smallest=by_amount[0] if by_amount and not fixed else None,
        largest=by_amount[-1] if by_amount and not fixed else None,
        deliveries=frozenset(_METHODS),
    )
