"""Reads the body of Runa's `POST /order`, and shows orders, products and errors as it does."""

from decimal import Decimal
from typing import Any
from uuid import uuid4

from simulator.book import Order, iso
from simulator.catalogue import Item
from simulator.provider import EMAIL, Answer, Refusal, major, minor

PRODUCTS = {
    item.id: item
    for item in (
        Item("AMZ-US", "Amazon.com", (1_00, 500_00), discount_percent=Decimal("1.5")),
        Item("SBUX-US", "Starbucks", (5_00, 10_00, 25_00), variable=False),
        Item("ZAL-DE", "Zalando Deutschland", (5_00, 150_00), currency="EUR"),
    )
}
MOST_ITEMS = 200
MOST_DESCRIPTION = 128


def error(status: int, kind: str, message: str, location: list[str] | None = None) -> Answer:
    body: dict[str, Any] = {"type": kind, "message": message, "help": None}
    if location is not None:
        body["details"] = [{"type": "value_error", "message": message, "location": location}]
    return Answer(status, body)


def invalid(message: str, *location: str) -> Refusal:
    return Refusal(error(422, "validation_error", message, list(location)))


def refuse(status: int, kind: str, message: str) -> Refusal:
    return Refusal(error(status, kind, message))


def parse(body: Any) -> dict[str, Any]:
    """The order's own record, one line an item.

    Raises:
        Refusal: 422 for what is malformed, 400 for what cannot be ordered."""
    if not isinstance(body, dict):
        raise invalid("value is not a valid object")
    payment = body.get("payment_method")
    if not isinstance(payment, dict) or payment.get("type") != "ACCOUNT_BALANCE":
        raise invalid("field required", "payment_method", "type")
    items = body.get("items")
    if not isinstance(items, list) or not 1 <= len(items) <= MOST_ITEMS:
        raise invalid("ensure this value has 1 to 200 items", "items")
    description = body.get("description")
    if description is not None and (
        not isinstance(description, str) or len(description) > MOST_DESCRIPTION
    ):
        raise invalid("ensure this value has at most 128 characters", "description")
    lines = [_line(item, str(n)) for n, item in enumerate(items)]
    currency = payment.get("currency")
    if any(PRODUCTS[line["product"]].currency != currency for line in lines):
        text = f"The currency requested in the payment_method, '{currency}', does not match"
        raise refuse(400, "currency_mismatch", text)
    return {
        "description": description,
        "metadata": body.get("metadata"),
        "currency": currency,
        "lines": lines,
    }


def _line(item: Any, n: str) -> dict[str, Any]:
    if not isinstance(item, dict):
        raise invalid("value is not a valid object", "items", n)
    amount = minor(item.get("face_value"))
    if amount is None or amount < 1:
        raise invalid("value is not a valid number", "items", n, "face_value")
    products = _products(item.get("products"), n)
    if not all(product.sells(amount) for product in products):
        codes = ", ".join(product.id for product in products)
        raise refuse(400, "product_validation_error", f"Not allowed to order products: {codes}")
    return {
        "id": f"E-{uuid4().hex[:9].upper()}",
        "amount": amount,
        "quantity": 1,
        "cost": products[0].cost(amount),
        "product": products[0].id,
        "products": item["products"],
        "distribution": _distribution(item.get("distribution_method"), n),
    }


def _products(products: Any, n: str) -> list[Item]:
    kind = products.get("type") if isinstance(products, dict) else None
    codes: Any = None
    if kind == "SINGLE":
        codes = [products.get("value")]
    elif kind == "MULTIPLE":
        codes = products.get("values")
    elif kind == "TEMPLATE" and products.get("template_id"):
        codes = ["AMZ-US"]
    if not isinstance(codes, list) or len(codes) < (2 if kind == "MULTIPLE" else 1):
        raise invalid("No match for discriminator 'type'", "items", n, "products")
    unknown = [str(code) for code in codes if str(code) not in PRODUCTS]
    if unknown:
        text = f"Not allowed to order products: {', '.join(unknown)}"
        raise refuse(400, "product_validation_error", text)
    return [PRODUCTS[str(code)] for code in codes]


def _distribution(method: Any, n: str) -> dict[str, Any]:
    kind = method.get("type") if isinstance(method, dict) else None
    if kind not in ("EMAIL", "PAYOUT_LINK", "RECIPIENT"):
        raise invalid("No match for discriminator 'type'", "items", n, "distribution_method")
    if kind == "EMAIL" and not EMAIL.fullmatch(str(method.get("email_address"))):
        where = ("items", n, "distribution_method", "email_address")
        raise invalid("value is not a valid email address", *where)
    return dict(method)


def money(amount: int) -> str:
    """Amounts come in as numbers and go out as strings."""
    return f"{amount / 100:.2f}"


def render(order: Order) -> dict[str, Any]:
    """The whole order once completed, else what little is shown until then."""
    if order.state not in ("issued", "cancelled"):
        message = "The order has failed." if order.state == "failed" else "The order is processing."
        return {"id": order.id, "status": order.status, "message": message}
    details = {order.currency: {"value": money(order.face), "fx": None}}
    items = [_item(order, line) for line in order.lines]
    full = {"items": items, "transaction_detail": details, "metadata": order.doc["metadata"]}
    return basic(order) | full


def basic(order: Order) -> dict[str, Any]:
    """The row that lists and webhooks show of a completed order."""
    completed = order.doc.get("completed_at", order.created_at)
    return {
        "id": order.id,
        "status": order.status,
        "created_at": iso(order.created_at),
        "completed_at": iso(completed),
        "description": order.doc["description"],
        "payment_method": {"type": "ACCOUNT_BALANCE", "currency": order.currency},
        "currency": order.currency,
        "total_price": money(order.charged),
        "total_discount": money(order.face - order.charged),
    }


def _item(order: Order, line: dict[str, Any]) -> dict[str, Any]:
    payout = {
        "status": "CANCELLED" if order.state == "cancelled" else "ACTIVE",
        "status_updated_at": iso(order.doc.get("completed_at", order.created_at)),
        "url": f"https://spend.runa.example/{line['id']}",
        "expiry_date": None,
    }
    return {
        "id": line["id"],
        "face_value": money(line["amount"]),
        "price": money(line["cost"]),
        "currency": order.currency,
        "products": line["products"],
        "distribution_method": line["distribution"],
        "payout": payout,
    }


def render_product(item: Item) -> dict[str, Any]:
    denominations: dict[str, Any] = {
        "type": "open" if item.variable else "fixed",
        "minimum_value": money(item.values[0]),
        "maximum_value": money(item.values[-1]),
        "available_list": [] if item.variable else [money(value) for value in item.values],
    }
    return {
        "code": item.id,
        "name": item.name,
        "currency": item.currency,
        "state": "LIVE",
        "is_orderable": True,
        "payout_type": "gift_card",
        "categories": ["department-stores"],
        "countries_redeemable_in": ["DE" if item.currency == "EUR" else "US"],
        "discount_multiplier": str(item.discount_percent / 100),
        "availability": "realtime",
        "gift_card": {"denominations": denominations},
    }


def estimate(record: dict[str, Any]) -> dict[str, Any]:
    items = [
        {"products": line["products"], "face_value": major(line["amount"]),
         "price": major(line["cost"]),
         "discount_multiplier": str(PRODUCTS[line["product"]].discount_percent / 100)}
        for line in record["lines"]
    ]  # fmt: skip
    price = sum(line["cost"] for line in record["lines"])
    face = sum(line["amount"] for line in record["lines"])
    return {
        "payment_method": {"type": "ACCOUNT_BALANCE", "currency": record["currency"]},
        "items": items,
        "currency": record["currency"],
        "total_discount": major(face - price),
        "total_price": major(price),
    }
