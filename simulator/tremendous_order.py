"""Reads the body of Tremendous' `POST /orders`, and shows orders and products as it does."""

from typing import Any

from simulator.book import Order, iso
from simulator.catalogue import Item, in_dollars
from simulator.provider import EMAIL, Answer, Refusal, major, minor

PRODUCTS = {
    item.id: item
    for item in (
        Item("OKMHM2X2OHYV", "Amazon.com", (1_00, 500_00)),
        Item("FIXEDCARD001", "Coffee house", (10_00, 25_00), variable=False),
        Item("Q24BD9EZ332J", "Virtual Visa", (5_00, 2000_00), fee=1_50),
        Item("ZALANDODE001", "Zalando Deutschland", (5_00, 150_00), currency="EUR"),
    )
}
CAMPAIGN = "IVM0I3WNJJL0"
METHODS = ("EMAIL", "LINK", "PHONE")
FUNDING_SOURCES = ("BALANCE", "INVOICE", "INVOICE_THEN_BALANCE", "BALANCE00001")


def refuse(status: int, message: str, payload: dict[str, Any] | None = None) -> Refusal:
    """`payload` mirrors the request, with a message in the place of each bad member."""
    errors = {"message": message} | ({"payload": payload} if payload else {})
    return Refusal(Answer(status, {"status": status, "errors": errors}))


def invalid(message: str, **reward: Any) -> Refusal:
    return refuse(400, message, {"reward": reward})


def parse(body: Any) -> dict[str, Any]:
    """The order's own record: one line, its cost in USD.

    Raises:
        Refusal: 400, or 422 for a funding source that does not exist."""
    reward = body.get("reward") if isinstance(body, dict) else None
    if not isinstance(reward, dict):
        raise refuse(400, "reward is required", {"reward": "is missing"})
    paying = body.get("payment") or {}
    if not isinstance(paying, dict):
        raise refuse(400, "payment is invalid", {"payment": "is invalid"})
    source = str(paying.get("funding_source_id", "BALANCE")).upper()
    if source not in FUNDING_SOURCES:
        raise refuse(422, "Funding source not found", {"payment": {"funding_source_id": "?"}})
    items = _products(reward)
    amount, currency = _value(reward, items)
    cost = in_dollars(amount, currency) + items[0].fee
    line = {"amount": amount, "quantity": 1, "cost": cost, "fee": items[0].fee}
    return {
        "source": source,
        "campaign_id": reward.get("campaign_id"),
        "method": _method(reward),
        "recipient": reward.get("recipient") or {},
        "deliver_at": reward.get("deliver_at"),
        "currency": currency,
        "charged_currency": "USD",
        "lines": [line],
    }


def _products(reward: dict[str, Any]) -> list[Item]:
    ids = reward.get("products")
    if ids is None and reward.get("campaign_id") == CAMPAIGN:
        return list(PRODUCTS.values())
    if not isinstance(ids, list) or not ids:
        raise invalid("Either products or campaign_id must be specified", products="is missing")
    if not all(isinstance(id_, str) and id_ in PRODUCTS for id_ in ids):
        raise invalid("At least one valid product required", products="not found")
    return [PRODUCTS[id_] for id_ in ids]


def _value(reward: dict[str, Any], items: list[Item]) -> tuple[int, str]:
    value = reward.get("value")
    amount = minor(value.get("denomination")) if isinstance(value, dict) else None
    if not isinstance(value, dict) or amount is None:
        raise invalid("value is required", value={"denomination": "must be a number"})
    currency = value.get("currency_code") or "USD"
    if not any(item.currency == currency and item.sells(amount) for item in items):
        raise invalid("No product for this value", value={"denomination": "out of range"})
    return amount, currency


def _method(reward: dict[str, Any]) -> str:
    delivery = reward.get("delivery") or {}
    method = delivery.get("method", "EMAIL") if isinstance(delivery, dict) else None
    if method not in METHODS:
        raise invalid("Unknown delivery method", delivery={"method": "is not included"})
    recipient = reward.get("recipient")
    if not isinstance(recipient, dict):
        raise invalid("recipient is required", recipient="is missing")
    if method == "EMAIL" and not EMAIL.fullmatch(str(recipient.get("email"))):
        raise invalid("recipient is invalid", recipient={"email": "is invalid"})
    if method == "PHONE" and not recipient.get("phone"):
        raise invalid("recipient is invalid", recipient={"phone": "is missing"})
    return str(method)


def reward_id(order: Order) -> str:
    """A reward's id is its order's with another first letter, so that either finds both."""
    return "R" + order.id[1:]


def order_id(reward: str) -> str:
    return "O" + reward[1:]


def render(order: Order, link: str | None = None) -> dict[str, Any]:
    """`link` only in the first answer to a LINK order."""
    shown = {
        "id": order.id,
        "external_id": order.key or None,
        "campaign_id": order.doc["campaign_id"],
        "created_at": iso(order.created_at),
        "status": order.status,
        "channel": "API",
        "payment": payment(order),
        "invoice_id": None,
        "rewards": [render_reward(order, link)],
    }
    if order.state == "pending":
        del shown["payment"]
    return shown


def payment(order: Order) -> dict[str, Any]:
    """In the organisation's currency, whatever the reward's."""
    fee = order.lines[0]["fee"]
    shown: dict[str, Any] = {
        "subtotal": major(order.charged - fee),
        "total": major(order.charged),
        "fees": major(fee),
        "discount": 0,
        "currency_code": "USD",
    }
    if order.state in ("failed", "cancelled"):
        shown["refund"] = {"total": major(order.charged), "currency_code": "USD"}
    return shown


def render_reward(order: Order, link: str | None = None) -> dict[str, Any]:
    delivery = {"method": order.doc["method"], "status": order.delivery}
    return {
        "id": reward_id(order),
        "order_id": order.id,
        "created_at": iso(order.created_at),
        "expires_at": None,
        "value": {
            "denomination": major(order.lines[0]["amount"]),
            "currency_code": order.currency,
        },
        "recipient": order.doc["recipient"],
        "deliver_at": order.doc["deliver_at"],
        "custom_fields": [],
        "delivery": delivery | ({"link": link} if link else {}),
    }


def render_product(item: Item) -> dict[str, Any]:
    values = item.values
    bands = [values] if item.variable else [(value, value) for value in values]
    return {
        "id": item.id,
        "name": item.name,
        "description": f"{item.name} gift card",
        "category": "merchant_card",
        "subcategory": "general_merchandise",
        "disclosure": "",
        "skus": [
            {"min": major(low), "max": major(high), "currency_code": item.currency}
            for low, high in bands
        ],
        "currency_codes": [item.currency],
        "countries": [{"abbr": "DE" if item.currency == "EUR" else "US"}],
        "images": [],
        "usage_instructions": "",
    }
