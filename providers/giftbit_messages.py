"""What is sent to Giftbit, and what its answers mean. No I/O.

Facts: reference/gift-card-providers.md §3, and Giftbit's own API description. Amounts are minor
units ("cents"); an order carries no currency, its brand does. An order has one reward, which
Giftbit calls a gift."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import httpx

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
    KeyConflict,
    NotSent,
    OrderRejected,
    OutcomeUnknown,
    ProviderError,
    ProviderMisconfigured,
    RateLimited,
)
from providers.protocol import Product
from providers.reading import document, fit_to_tell, reading

WITHDRAWN = "GIVER_CANCELLED"
_STATES = {
    "API_CREATING": OrderState.PENDING,
    # Queued, and "automatically sent" once money has come: a new order would be a second card.
    "AWAITING_FUNDS": OrderState.PENDING,
    "CAMPAIGN_CREATED": OrderState.ISSUED,
}
_DELIVERIES = {
    "UNSENT": DeliveryState.PENDING,
    "DELIVERED": DeliveryState.DELIVERED,
    "TEMPORARILY_UNDELIVERABLE": DeliveryState.FAILED_RETRYABLE,  # such as a full mailbox
    "UNDELIVERABLE": DeliveryState.FAILED_PERMANENT,  # no such address
    "UNSUBSCRIBED": DeliveryState.FAILED_PERMANENT,
    "COMPLAINT": DeliveryState.FAILED_PERMANENT,  # reported as spam
}
_REDEMPTIONS = {
    "SENT_AND_REDEEMABLE": RedemptionState.UNREDEEMED,
    "REDEEMED": RedemptionState.REDEEMED,
    "EXPIRED": RedemptionState.EXPIRED,
    WITHDRAWN: RedemptionState.CANCELLED,
}
_REFUSALS: dict[int, type[ProviderError]] = {
    400: OrderRejected,  # malformed, and malformed again next time
    401: ProviderMisconfigured,
    402: InsufficientFunds,  # the card on file was not charged; "request was correct"
    403: ProviderMisconfigured,
    404: ProviderMisconfigured,  # no such call: the address is wrong
    405: ProviderMisconfigured,
    422: OrderRejected,  # brand, price or contact: also one who unsubscribed
    429: RateLimited,  # not processed; "retry with a backoff delay"
}
_MAILED = "GIFTBIT_EMAIL"
_PACIFIC = ZoneInfo("America/Los_Angeles")
_DATE = "%Y-%m-%d %H:%M:%S"
_SUBJECT = "Your gift card"
_MESSAGE = "Thank you! Here is your gift card."


def order_body(request: OrderRequest) -> dict[str, Any]:
    """The order as `POST /campaign` and `POST /direct_links` want it. A mail must have a subject
    and a message."""
    body: dict[str, Any] = {
        "id": request.key,
        "price_in_cents": request.face.amount,
        "brand_codes": [request.product_id],
    }
    if request.delivery is not Delivery.EMAIL:
        return body | {"link_count": 1}
    personal = request.personalization
    sender = f" from {personal.from_name}" if personal.from_name else ""
    return body | {
        "subject": f"{_SUBJECT}{sender}",
        "message": personal.message or _MESSAGE,
        "contacts": [_contact(request.recipient)],
    }


def _contact(recipient: Recipient) -> dict[str, str]:
    first, _, last = (recipient.name or "").strip().partition(" ")
    members = {"email": recipient.email, "firstname": first, "lastname": last.strip()}
    return {member: value for member, value in members.items() if value}


def compare(request: OrderRequest, campaign: dict[str, Any]) -> None:
    """Compare brand and contact of the returned order; value and key are in the snapshot. Giftbit
    does not document what it does with a known id and other contents.

    Raises KeyConflict when it is another order than the requested one."""
    brands = {str(code).casefold() for code in campaign.get("brand_codes") or []}
    if brands and brands != {request.product_id.casefold()}:
        raise KeyConflict("the order under our key is for another product")
    emails = {str(row.get("email") or "").lower() for row in rows(campaign, "contacts")}
    ours = {(request.recipient.email or "").lower()}
    if request.delivery is Delivery.EMAIL and emails and emails != ours:
        raise KeyConflict("the order under our key is for another recipient")


def refusal(
    response: httpx.Response,
    recipient: Recipient,
    *,
    unknown: type[ProviderError] = OutcomeUnknown,
) -> ProviderError:
    """What an answer other than 200 means. After a 5xx the outcome is unknown: "send the POST again
    using the same supplied id"."""
    kind = _REFUSALS.get(response.status_code, unknown)
    error: dict[str, Any] = {}
    try:
        with reading("an error"):
            error = dict(document(response)["error"])
    except NotSent:
        pass  # "the response body format in the 5xx case may not match"
    words = fit_to_tell(error.get("message"), recipient)
    code = fit_to_tell(error.get("code"), recipient)
    detail = " ".join(filter(None, (f"refused: {response.status_code}", code, words)))
    return kind(detail, retry_after=retry_after(response))


def snapshot(
    campaign: dict[str, Any], currency: str, *, links: list[str] | None = None
) -> OrderSnapshot:
    """The order alone, before its reward is read."""
    raw = str(campaign.get("status"))
    state = OrderState.FAILED if _reached_nobody(campaign) else _STATES.get(raw)
    return OrderSnapshot(
        provider_order_id=str(campaign["uuid"]),
        key=_key(campaign.get("id")),
        state=state or OrderState.PENDING,
        delivery=DeliveryState.PENDING,
        raw_status=raw,
        face=_cents(campaign.get("price_in_cents"), currency),
        product_id=_brand(campaign),
        charged=_charged(campaign, currency),
        secret=ClaimSecret(link=links[0]) if links else None,
        awaits_funds=raw == "AWAITING_FUNDS",
        recognised=state is not None,
    )


def _brand(campaign: dict[str, Any]) -> str | None:
    """The order's only brand. Other orders of the account may let the recipient choose among
    several."""
    codes = campaign.get("brand_codes") or []
    return str(codes[0]) if len(codes) == 1 else None


def _reached_nobody(campaign: dict[str, Any]) -> bool:
    """A 200 whose only contact was flagged as undeliverable: an order without a reward. Decided at
    once, because later reads may leave the counts out."""
    failed, reached = (
        int(campaign.get(f"contacts_{n}_count") or 0) for n in ("failure", "success")
    )
    return failed > 0 and reached == 0


def followed(
    campaign: dict[str, Any], currency: str, gifts: list[dict[str, Any]], links: list[str]
) -> OrderSnapshot:
    """A created order with its reward and link. Without either there is no card yet, whatever
    status the order has."""
    told = snapshot(campaign, currency, links=links)
    if not gifts and not links:
        return told.model_copy(update={"state": OrderState.PENDING})
    gift = gifts[0] if gifts else {}
    delivery, reward = str(gift.get("delivery_status") or ""), str(gift.get("status") or "")
    shown = [word for word in (told.raw_status, delivery, reward) if word]
    withdrawn = reward == WITHDRAWN
    return told.model_copy(
        update={
            "state": OrderState.CANCELLED if withdrawn else told.state,
            "delivery": _delivery(campaign, delivery, links),
            "redemption": _REDEMPTIONS.get(reward, RedemptionState.UNKNOWN),
            "raw_status": ", ".join(shown),
            "face": told.face or _cents(gift.get("price_in_cents"), currency),
            "created_at": created(gift),
            "recognised": _known(campaign, delivery) and (not reward or reward in _REDEMPTIONS),
        }
    )


def _delivery(campaign: dict[str, Any], told: str, links: list[str]) -> DeliveryState:
    if is_mailed(campaign):
        return _DELIVERIES.get(told, DeliveryState.PENDING)
    # The link is still being made: the reward exists, but cannot be handed over yet.
    return DeliveryState.NOT_APPLICABLE if links else DeliveryState.PENDING


def _known(campaign: dict[str, Any], delivery: str) -> bool:
    return not is_mailed(campaign) or not delivery or delivery in _DELIVERIES


def listed(gift: dict[str, Any], currency: str | None) -> OrderSnapshot:
    """A reward of a list. Its order was created, or the reward would not exist."""
    delivery, reward = str(gift.get("delivery_status") or ""), str(gift.get("status") or "")
    return OrderSnapshot(
        provider_order_id=str(gift["campaign_uuid"]),
        key=_key(gift.get("campaign_id")),
        state=OrderState.CANCELLED if reward == WITHDRAWN else OrderState.ISSUED,
        delivery=_DELIVERIES.get(delivery, DeliveryState.PENDING),
        redemption=_REDEMPTIONS.get(reward, RedemptionState.UNKNOWN),
        raw_status=", ".join(word for word in (delivery, reward) if word),
        face=_cents(gift.get("price_in_cents"), currency) if currency else None,
        created_at=created(gift),
        recognised=reward in _REDEMPTIONS,
    )


def is_mailed(campaign: dict[str, Any]) -> bool:
    return str(campaign.get("delivery_type") or _MAILED) == _MAILED


def links(answer: dict[str, Any]) -> list[str]:
    """Claim links, from the answer to an order (strings) or from `GET /links` (objects)."""
    found = [link for link in answer.get("direct_links") or [] if isinstance(link, str)]
    found += [row.get("link") or "" for row in rows(answer, "directlinks")]
    found += [row.get("shortlink") or "" for row in rows(answer, "shortlinks")]
    return [link for link in found if link]


def _key(given: object) -> str | None:
    return str(given).lower() if given else None


def _cents(value: Any, currency: str) -> Money | None:
    """Minor units. Raises ValueError for a fraction of one."""
    if value is None:
        return None
    amount = Decimal(str(value))
    if amount != amount.to_integral_value():
        raise ValueError("a fraction of a cent")
    return Money(amount=int(amount), currency=currency)


def _charged(campaign: dict[str, Any], currency: str) -> Money | None:
    """Fees included. None if unreadable: that must not hide the order."""
    try:
        with reading("the charge"):
            return _cents((campaign.get("fees") or {}).get("total_in_cents"), currency)
    except NotSent:
        return None


def pacific(at: datetime) -> str:
    """Pacific time without its offset, as every date of this API is."""
    return at.astimezone(_PACIFIC).strftime(_DATE)


def created(gift: dict[str, Any]) -> datetime | None:
    """When a reward was made, in UTC; the first one of an hour that happens twice."""
    try:
        naive = datetime.strptime(str(gift.get("created_date")), _DATE)  # noqa: DTZ007 - zone follows
    except ValueError:
        return None
    return naive.replace(tzinfo=_PACIFIC).astimezone(UTC)


def product(brand: dict[str, Any]) -> Product | None:
    """None for a brand of an unknown shape: it cannot be ordered."""
    try:
        with reading("a brand"):
            return _product(brand)
    except NotSent:
        return None


def _product(brand: dict[str, Any]) -> Product:
    currency = str(brand["fund_currencyisocode"])
    prices = (_cents(price, currency) for price in brand.get("allowed_prices_in_cents") or [])
    fixed = [price for price in prices if price]
    smallest = _cents(brand.get("min_price_in_cents"), currency)
    if not fixed and not smallest:
        raise ValueError("a brand without a price")
    return Product(
        id=str(brand["brand_code"]),
        name=str(brand["name"]),
        currency=currency,
        fixed=tuple(sorted(fixed, key=lambda price: price.amount)),
        smallest=smallest,
        largest=_cents(brand.get("max_price_in_cents"), currency),
        deliveries=frozenset({Delivery.EMAIL, Delivery.LINK}),
    )


def total(page: dict[str, Any]) -> int:
    """The number of rows on all pages."""
    with reading("a page"):
        return int(page.get("total_count") or 0)


def rows(body: dict[str, Any], member: str) -> list[dict[str, Any]]:
    """The objects of a list; empty if there is none."""
    return [row for row in body.get(member) or [] if isinstance(row, dict)]
