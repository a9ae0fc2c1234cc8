"""Runa's messages: the order it is sent, and what its answers and webhooks say."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import timedelta
from typing import Any

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
    RedemptionState,
)
from domain.rewards import Delivery
from providers.http import retry_after
from providers.outcomes import (
    FailedAnswer,
    InsufficientFunds,
    KeyConflict,
    KeyInProgress,
    NotSent,
    OrderRejected,
    OutcomeUnknown,
    ProviderError,
    ProviderMisconfigured,
    RateLimited,
)
from providers.protocol import Product
from providers.reading import document, fit_to_tell, moment, money, reading, total
from providers.webhooks import ProviderEvent, WebhookUnreadable

PAUSE = timedelta(seconds=5)
"""The pause that Runa requires before the same request is sent again."""
_KEY = re.compile(r"[0-9a-z]{1,40}")
_DELIVERIES = frozenset({Delivery.EMAIL, Delivery.LINK})
_STATES = {
    "PROCESSING": OrderState.PENDING,
    "COMPLETED": OrderState.ISSUED,
    "FAILED": OrderState.FAILED,
}
_REDEMPTIONS = {
    "ACTIVE": RedemptionState.UNREDEEMED,
    "CLAIMED": RedemptionState.REDEEMED,
    "CANCELLED": RedemptionState.CANCELLED,
    "EXPIRED": RedemptionState.EXPIRED,
}
_BY_TYPE: dict[str, type[ProviderError]] = {
    "insufficient_funds": InsufficientFunds,  # a 400 here, not a 402
    # The account's spending limit: like an empty deposit it stops every order until finance acts.
    "ordering_restricted": InsufficientFunds,
    "idempotency_in_progress": KeyInProgress,  # a 400; the guide's HTTP 102 is no final answer
    "idempotency_validation_error": KeyConflict,
    "invalid_version": ProviderMisconfigured,
    "insecure_protocol": ProviderMisconfigured,  # the address says http
}
_BY_STATUS: dict[int, type[ProviderError]] = {
    400: OrderRejected,  # product_validation_error, currency_mismatch: "final errors"
    422: OrderRejected,  # validation_error
    401: ProviderMisconfigured,
    403: ProviderMisconfigured,
    404: ProviderMisconfigured,  # "the request path is likely incorrect"
    405: ProviderMisconfigured,
    410: ProviderMisconfigured,  # version_removed
    429: RateLimited,
}


def order_body(request: OrderRequest) -> dict[str, Any]:
    """The order as `POST /order` wants it: the face value is a number there, and a string in every
    answer. It has no field for a personal message. Raises OrderRejected for what Runa cannot do."""
    if request.delivery not in _DELIVERIES:
        raise OrderRejected(f"Runa delivers by e-mail or link, not by {request.delivery}")
    by_email = {"type": "EMAIL", "email_address": request.recipient.email}
    return {
        "payment_method": {"type": "ACCOUNT_BALANCE", "currency": request.face.currency},
        "items": [
            {
                "face_value": float(request.face.to_major()),
                "distribution_method": (
                    by_email if request.delivery is Delivery.EMAIL else {"type": "PAYOUT_LINK"}
                ),
                "products": {"type": "SINGLE", "value": request.product_id},
            }
        ],
        "description": request.key,
    }


def refusal(response: httpx.Response, recipient: Recipient) -> ProviderError:
    """What an answer other than the order means, by its `type` where that says more than its
    status. After an unexpected answer or a 5xx the outcome is unknown."""
    status, kind, message = response.status_code, "", ""
    with suppress(NotSent), reading("the reason"):
        said = document(response)
        kind, message = str(said.get("type") or ""), fit_to_tell(said.get("message"), recipient)
    by_type = _BY_TYPE.get(kind) if status < 500 else None
    unforeseen = FailedAnswer if status >= 500 else OutcomeUnknown
    outcome = by_type or _BY_STATUS.get(status, unforeseen)
    waits = outcome in (RateLimited, KeyInProgress)
    return outcome(
        f"{kind or 'answer'} ({status}) {message}".rstrip(),
        retry_after=retry_after(response) or PAUSE if waits else None,
    )


def read_order(order: dict[str, Any], currency: str) -> OrderSnapshot:
    """One order, as far as it is shown: a pending order has an id and a status, a row of the list
    no items."""
    items = order.get("items") or []
    payout = (items[0].get("payout") or {}) if items else {}
    words = [str(order["status"]), str(payout.get("status") or "")]
    state, redemption = _STATES.get(words[0].upper()), _REDEMPTIONS.get(words[1].upper())
    recognised = state is not None and (redemption is not None or not words[1])
    if state is OrderState.ISSUED and redemption is RedemptionState.CANCELLED:
        state = OrderState.CANCELLED
    face = _face(order, items, currency)
    charged = money(order.get("total_price"), order.get("currency"))
    return OrderSnapshot(
        provider_order_id=str(order["id"]),
        key=str(order["description"]) if order.get("description") else None,
        state=state or OrderState.PENDING,
        delivery=_delivery(state, items),
        redemption=redemption or RedemptionState.UNKNOWN,
        raw_status="/".join(filter(None, words)),
        face=face,
        product_id=_product(items),
        # Left out if paid in another currency: an order's amounts are kept in one.
        charged=charged,
        created_at=moment(order.get("created_at")),
        secret=_secret(items),
        recognised=recognised,
    )


def _product(items: list[dict[str, Any]]) -> str | None:
    """The product of an order with one item, like ours."""
    products = items[0].get("products") if len(items) == 1 else None
    single = isinstance(products, dict) and products.get("type") == "SINGLE"
    return str(products["value"]) if single and products and products.get("value") else None


def _delivery(state: OrderState | None, items: list[dict[str, Any]]) -> DeliveryState:
    """E-mails have no status: a completed order counts as sent. Links come to us."""
    if state is not OrderState.ISSUED or not items:
        return DeliveryState.PENDING
    if _handed_over(items[0]):
        return DeliveryState.NOT_APPLICABLE if _secret(items) else DeliveryState.PENDING
    return DeliveryState.SENT


def _secret(items: list[dict[str, Any]]) -> ClaimSecret | None:
    """The link, if we deliver it ourselves. An e-mailed card shows its link too, but nobody here
    needs it."""
    url = (items[0].get("payout") or {}).get("url") if items else None
    return ClaimSecret(link=str(url)) if url and _handed_over(items[0]) else None


def _handed_over(item: dict[str, Any]) -> bool:
    return (item.get("distribution_method") or {}).get("type") == "PAYOUT_LINK"


def _face(order: dict[str, Any], items: list[dict[str, Any]], currency: str) -> Money | None:
    """The value of the cards. A row of the list shows no items; there it is the amount paid plus
    the discount, because a card bought in its own currency has no fee."""
    known = order.get("currency") or currency
    if items:
        return total(money(item.get("face_value"), item.get("currency") or known) for item in items)
    return total(money(order.get(name), known) for name in ("total_price", "total_discount"))


def read_product(row: dict[str, Any]) -> Product | None:
    """None for what cannot be ordered now, or has no denominations (subscriptions)."""
    details = row.get(str(row.get("payout_type"))) or {}
    values = details.get("denominations")
    if not values or not row.get("is_orderable", True):
        return None
    currency = str(row["currency"])
    listed = [money(value, currency) for value in values.get("available_list") or []]
    fixed = values.get("type") == "fixed"
    return Product(
        id=str(row["code"]),
        name=str(row["name"]),
        currency=currency,
        fixed=tuple(value for value in listed if value) if fixed else (),
        smallest=None if fixed else money(values.get("minimum_value"), currency),
        largest=None if fixed else money(values.get("maximum_value"), currency),
        deliveries=_DELIVERIES,
    )


def read_event(event_id: str, body: bytes) -> ProviderEvent:
    """A completed order shows its description, which is our key; a failed one only its id; product
    news neither. Raises WebhookUnreadable."""
    try:
        said = value_of(body)
        key = said.get("description")
        return ProviderEvent(
            event_id=event_id,
            key=key if isinstance(key, str) and _KEY.fullmatch(key) else None,
            provider_order_id=said.get("id"),
            adverse=said.get("status") == "FAILED",
        )
    except (ValueError, AttributeError, RecursionError):
        raise WebhookUnreadable("signed, but not readable") from None
