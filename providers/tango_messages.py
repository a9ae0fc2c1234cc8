"""What is sent to Tango, and what its answers mean. No I/O.

Facts: reference/gift-card-providers.md §2, and the operations' own pages of Tango's API reference.
Errors are identified by `i18nKey`, a number of its error catalogue; `code` is deprecated. Answers
may contain the card's secret, which goes into `OrderSnapshot.secret` and nowhere else."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import httpx

from domain.adverse_words import adverse_word
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
    InsufficientFunds,
    KeyAlreadyUsed,
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
from providers.reading import document, fit_to_tell, moment, money, reading

PAUSE = timedelta(seconds=2)
METHODS = {Delivery.EMAIL: "EMAIL", Delivery.SMS: "PHONE", Delivery.LINK: "NONE"}
_KEPT_BY_US = frozenset({"NONE", "EMBEDDED", "EMBEDDED_COMPONENT"})
"""Delivery methods under which Tango sends nothing: we receive the card's secret."""
_STATES = {
    "COMPLETE": OrderState.ISSUED,
    # Final, and the money is back. The reference replays the failed order for ever, so only a
    # new generation can buy again.
    "FAILED": OrderState.FAILED,
    "CANCELLED": OrderState.CANCELLED,
    # All of these may still become COMPLETE, some only after a review by Tango's people.
    **dict.fromkeys(
        ("PENDING", "QUEUED", "ON_HOLD", "PENDING_MR", "PENDING_KYB", "PENDING_PAYMENT"),
        OrderState.PENDING,
    ),
    # PARTIAL is left out on purpose: an order of one card cannot be partial, so a person looks.
}
_DELIVERIES = {
    "PENDING": DeliveryState.PENDING,
    "DEFERRED": DeliveryState.PENDING,  # the recipient's server asked to be tried again
    "PROCESSING": DeliveryState.PENDING,
    "SENT": DeliveryState.SENT,
    "DISPATCHED": DeliveryState.SENT,
    "DELIVERED": DeliveryState.DELIVERED,
    "ENGAGED": DeliveryState.DELIVERED,  # opened, so it had arrived
    "NOT_DELIVERED": DeliveryState.FAILED_RETRYABLE,
    "BOUNCE": DeliveryState.FAILED_RETRYABLE,
    "BLOCKED": DeliveryState.FAILED_RETRYABLE,
    "FAILED": DeliveryState.FAILED_RETRYABLE,
    "DROPPED": DeliveryState.FAILED_PERMANENT,  # never tried: the address is suppressed
}
_REDEMPTIONS = {
    # `rewardStatus`; its values are documented nowhere, so only the unambiguous ones are read.
    "REDEEMED": RedemptionState.REDEEMED,
    "EXPIRED": RedemptionState.EXPIRED,
    "CANCELLED": RedemptionState.CANCELLED,
}
_BY_KEY: dict[str, type[ProviderError]] = {
    "409.002": KeyInProgress,  # "currently in process": no conflict
    "409.001": KeyAlreadyUsed,  # "duplicate found"
    "409.024": KeyAlreadyUsed,  # "already exists on your platform": it is looked up
    "403.016": OrderRejected,  # the fraud limit: this order's trouble, not the credential's
    # No such item: the reward names a product that is gone.
    **dict.fromkeys(("404.006", "404.033", "404.043", "404.090", "404.093"), OrderRejected),
    # Our customer, account, e-mail template or platform: every order would fail.
    **dict.fromkeys(("422.010", "422.031", "422.053", "422.156", "422.160"), ProviderMisconfigured),
}
"""Error numbers that mean something else than their class."""
_BY_CLASS: dict[int, type[ProviderError]] = {
    400: OrderRejected,  # malformed, and malformed again next time
    401: ProviderMisconfigured,
    402: InsufficientFunds,
    403: ProviderMisconfigured,
    404: ProviderMisconfigured,  # the customer or account does not exist, or the address is wrong
    405: ProviderMisconfigured,
    406: ProviderMisconfigured,
    410: ProviderMisconfigured,
    415: ProviderMisconfigured,
    422: OrderRejected,  # value out of range, item inactive, recipient incomplete
    428: OrderRejected,  # Tango has to approve the item for us first
    429: RateLimited,  # 429.008 and its kin: not processed
}
_NUMBER = re.compile(r"\d{3}\.\d+")
_FORBIDDEN = str.maketrans("<>/", "   ")
_NOBODY = "Customer"
"""Placeholder names: Tango requires a first name for a recipient."""


def order_body(request: OrderRequest, *, customer: str, account: str) -> dict[str, Any]:
    """The order as `POST /orders` wants it; the amount in major units. `sendEmail` is what
    `deliveryMethod` was until October 2025: both say the same."""
    method, personal = METHODS[request.delivery], request.personalization
    body: dict[str, Any] = {
        "externalRefID": request.key,
        "customerIdentifier": customer,
        "accountIdentifier": account,
        "utid": request.product_id,
        # JSON has no decimals. Of an amount this small a double keeps every digit it is given.
        "amount": float(request.face.to_major()),
        "deliveryMethod": method,
        "sendEmail": method == "EMAIL",
    }
    if personal.message:
        body["message"] = personal.message
    if personal.from_name or personal.from_email:
        body["sender"] = _person(personal.from_name, email=personal.from_email)
    if contact := _contact(request):
        body["recipient"] = _person(request.recipient.name or _NOBODY, **contact)
    return body


def _contact(request: OrderRequest) -> dict[str, str | None]:
    """Where the card is sent, in Tango's words; empty for a link, which is not sent."""
    match request.delivery:
        case Delivery.EMAIL:
            return {"email": request.recipient.email}
        case Delivery.SMS:
            return {"mobileNumber": request.recipient.phone}
        case _:
            return {}


def _person(name: str | None, **contact: str | None) -> dict[str, str]:
    """Names are limited to 100 characters, and some are forbidden."""
    first, _, last = (name or "").translate(_FORBIDDEN).strip().partition(" ")
    members = {"firstName": first[:100], "lastName": last.strip()[:100], **contact}
    return {member: value for member, value in members.items() if value}


def compare(request: OrderRequest, order: dict[str, Any]) -> None:
    """Compare product and recipient of the returned order; value and key are in the snapshot.

    Raises KeyConflict when it is another order than the requested one."""
    utid, theirs = word(order, "utid"), order.get("recipient") or {}
    if utid and utid != request.product_id.upper():
        raise KeyConflict("the order under our key is for another product")
    for member, ours in _contact(request).items():
        if theirs.get(member) and theirs[member].lower() != (ours or "").lower():
            raise KeyConflict("the order under our key is for another recipient")


def refusal(
    response: httpx.Response,
    recipient: Recipient,
    *,
    unknown: type[ProviderError] = OutcomeUnknown,
) -> ProviderError:
    """What an answer other than success means. After a 5xx the outcome is unknown: such orders "may
    occasionally be processed". The documentation shows HTTP 400 for numbers of other classes too.
    """
    status, keys = response.status_code, error_keys(response)
    if not 400 <= status < 500:
        return unknown(f"the provider answered {status}")
    special = (_BY_KEY[key] for key in keys if key in _BY_KEY)
    of_class = _BY_CLASS.get(int(keys[0][:3]) if keys and status == 400 else status, unknown)
    kind = next(special, of_class)
    detail = " ".join(filter(None, (f"refused: {status}", *keys[:1], _words(response, recipient))))
    if kind is KeyAlreadyUsed:
        return KeyAlreadyUsed(detail, None)
    wait = retry_after(response)
    return kind(detail, retry_after=max(wait or PAUSE, PAUSE) if kind is KeyInProgress else wait)


def error_keys(response: httpx.Response) -> list[str]:
    """The error's numbers, those of single fields first; none for a success."""
    numbers = [str(error.get("i18nKey")) for error in _errors(response)]
    return [number for number in numbers if _NUMBER.fullmatch(number)]


def _words(response: httpx.Response, recipient: Recipient) -> str:
    said = (error.get("message") for error in _errors(response))
    return fit_to_tell(next(filter(None, said), ""), recipient)


def _errors(response: httpx.Response) -> list[dict[str, Any]]:
    if response.is_success:
        return []
    try:
        with reading("an error"):
            body = document(response)
            return [*rows(body, "errors"), body]
    except NotSent:
        return []


def snapshot(
    order: dict[str, Any], currency: str | None, line: dict[str, Any] | None = None
) -> OrderSnapshot:
    """`currency`: for amounts that come without one. `line`: the order's line item, once read."""
    raw, line = str(order["status"]), line or {}
    state = _STATES.get(raw.upper())
    if state is OrderState.ISSUED and word(line, "status") in ("CANCELLED", "FAILED"):
        state = _STATES[word(line, "status")]
    method = word(order, "deliveryMethod") or ("EMAIL" if order.get("sendEmail") else "NONE")
    told = word(line, "emailStatus" if method == "EMAIL" else "deliveryStatus")
    known = told in _DELIVERIES or not told
    against = [one for one in _odd(line) if adverse_word(one)]
    return OrderSnapshot(
        provider_order_id=str(order["referenceOrderID"]),
        key=key_of(order),
        state=state or OrderState.PENDING,
        delivery=_delivery(state, method, told),
        redemption=_REDEMPTIONS.get(word(line, "rewardStatus"), RedemptionState.UNKNOWN),
        raw_status=", ".join(filter(None, (raw, told, *against))),
        face=_face(order, currency),
        product_id=str(order["utid"]) if order.get("utid") else None,
        charged=_charged(order),
        created_at=created(order),
        secret=_secret(order) if method in _KEPT_BY_US else None,
        recognised=state is not None and known and not against,
    )


def _odd(line: dict[str, Any]) -> list[str]:
    """Statuses of the card itself that are not documented."""
    status, reward = word(line, "status"), word(line, "rewardStatus")
    return [
        one
        for one, known in ((status, _STATES), (reward, _REDEMPTIONS))
        if one and one not in known
    ]


def _delivery(state: OrderState | None, method: str, told: str) -> DeliveryState:
    if state is not OrderState.ISSUED:
        return DeliveryState.PENDING
    if method in _KEPT_BY_US:
        return DeliveryState.NOT_APPLICABLE
    return _DELIVERIES.get(told, DeliveryState.PENDING)


def _face(order: dict[str, Any], currency: str | None) -> Money | None:
    if order.get("denomination"):
        return _money(order["denomination"], "value", currency)
    charged = order.get("amountCharged") or {}
    # Lists may leave the value out. What was charged is the same, unless it was converted.
    return _money(charged, "value", currency) if charged.get("exchangeRate") == 1 else None


def _charged(order: dict[str, Any]) -> Money | None:
    """In the account's currency, fee included. None if unreadable: that must not hide the card."""
    try:
        with reading("the charge"):
            return _money(order["amountCharged"], "total", None)
    except NotSent:
        return None


def _money(shown: dict[str, Any], member: str, currency: str | None) -> Money | None:
    currency = shown.get("currencyCode") or currency
    if shown.get(member) is None or currency is None:
        return None
    return Money.from_major(str(shown[member]), currency)


def _secret(order: dict[str, Any]) -> ClaimSecret | None:
    """The address where the card is claimed, or its code where it has no address. Anything else
    that is needed to use it, such as a PIN, becomes the answer to its challenge."""
    values = [
        str(part["value"]) for part in rows(order.get("reward") or {}, "credentialList")
        if part.get("value")
    ]  # fmt: skip
    if not values:
        return None
    first, *rest = sorted(values, key=lambda value: not value.startswith("http"))
    return ClaimSecret(link=first, challenge_answer=" ".join(rest) or None)


def product(item: dict[str, Any]) -> Product | None:
    """None for what cannot be ordered: inactive, plastic, or of an unknown shape."""
    if word(item, "status") != "ACTIVE" or word(item, "fulfillmentType") == "PHYSICAL":
        return None
    try:
        with reading("an item"):
            return _product(item)
    except NotSent:
        return None


def _product(item: dict[str, Any]) -> Product:
    values = {
        name: Money.from_major(str(item[name]), item["currencyCode"])
        for name in ("faceValue", "minValue", "maxValue")
        if item.get(name) is not None
    }
    if not values:
        raise ValueError("an item without a value")
    return Product(
        id=str(item["utid"]),
        name=str(item["rewardName"]),
        currency=item["currencyCode"],
        fixed=(values["faceValue"],) if "faceValue" in values else (),
        smallest=values.get("minValue"),
        largest=values.get("maxValue"),
        deliveries=frozenset(METHODS),
    )


def key_of(order: dict[str, Any]) -> str | None:
    return str(order["externalRefID"]).lower() if order.get("externalRefID") else None


def created(order: dict[str, Any]) -> datetime | None:
    return moment(order.get("createdAt"))


def total(page: dict[str, Any]) -> int:
    """The number of orders that a search has found, on all its pages."""
    with reading("a page"):
        return int((page.get("page") or {}).get("totalCount") or 0)


def value_of(line: dict[str, Any]) -> Money | None:
    """A line item's face value."""
    return money(line.get("amountIssued"), line.get("currencyCode"))


def rows(body: dict[str, Any], member: str) -> list[dict[str, Any]]:
    """The objects of a list; empty if there is none."""
    return [row for row in body.get(member) or [] if isinstance(row, dict)]


def word(row: dict[str, Any], member: str) -> str:
    """A status in upper case; empty if there is none."""
    return str(row.get(member) or "").upper()
