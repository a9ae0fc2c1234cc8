"""Reads the body of Giftbit's three ordering calls, and shows campaigns and gifts as it does."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from simulator.book import Order
from simulator.catalogue import Item
from simulator.provider import EMAIL, Answer, Refusal

BRANDS = {
    item.id: item
    for item in (
        Item("amazonus", "Amazon.com", (1_00, 500_00), fee=25),
        Item("starbucksus", "Starbucks", (5_00, 10_00, 25_00), variable=False),
        Item("itunesca", "iTunes Canada", (5_00, 200_00), currency="CAD"),
        Item("zalandode", "Zalando Deutschland", (5_00, 150_00), currency="EUR"),
    )
}
REGIONS = {"Canada": (1, "CAD"), "USA": (2, "USD"), "Global": (3, "EUR")}
PACIFIC = "America/Los_Angeles"
FORMAT = "%Y-%m-%d %H:%M:%S"
MOST_REWARDS = 1000


def error(status: int, code: str, message: str) -> Answer:
    name = code.removeprefix("ERROR_").replace("_", " ").capitalize()
    body = {"error": {"code": code, "name": name, "message": message}, "status": status}
    return Answer(status, body)


def refuse(status: int, code: str, message: str) -> Refusal:
    return Refusal(error(status, code, message))


def info(code: str) -> dict[str, str]:
    name = code.removeprefix("INFO_").replace("_", " ").capitalize()
    return {"code": code, "name": name, "message": f"{name}."}


def parse(body: Any, kind: str) -> dict[str, Any]:
    """The order's own record; `kind` is campaign, direct_links or embedded.

    Raises:
        Refusal: 400 for what is malformed, 422 for what cannot be ordered."""
    if not isinstance(body, dict) or not isinstance(body.get("id"), str) or not body["id"].strip():
        raise refuse(400, "ERROR_MISSING_PARAMETER", "id is required")
    price = body.get("price_in_cents")
    if isinstance(price, bool) or not isinstance(price, int):
        raise refuse(400, "ERROR_MISSING_PARAMETER", "price_in_cents is a whole number")
    item = _brand(body, kind, price)
    delivery = _delivery(body, kind)
    contacts = _contacts(body) if delivery == "GIFTBIT_EMAIL" else []
    count = len(contacts) or _link_count(body, kind)
    lines = [
        {"id": uuid4().hex, "amount": price, "quantity": 1, "cost": item.cost(price),
         "fee": item.fee, "delivery": "UNSENT", "status": "SENT_AND_REDEEMABLE",
         "redeliveries": 0, "contact": contacts[n] if contacts else None}
        for n in range(count)
    ]  # fmt: skip
    return {
        "kind": kind,
        "brand": item.id,
        "brand_codes": body.get("brand_codes") or [item.id],
        "region": body.get("region"),
        "currency": item.currency,
        "delivery_type": delivery,
        "message": body.get("message"),
        "subject": body.get("subject"),
        "expiry": body.get("expiry"),
        "gift_template": body.get("gift_template"),
        "lines": lines,
    }


def _brand(body: dict[str, Any], kind: str, price: int) -> Item:
    codes = [body.get("brand_code")] if kind == "embedded" else body.get("brand_codes")
    if kind != "embedded" and not codes and body.get("region") in REGIONS:
        currency = REGIONS[body["region"]][1]
        codes = [next(item.id for item in BRANDS.values() if item.currency == currency)]
    items = [BRANDS.get(str(code).lower()) for code in codes] if isinstance(codes, list) else []
    if not items or not all(item is not None and item.sells(price) for item in items):
        text = f"brand_code: {codes} - price_in_cents: {price} - not valid or not available"
        raise refuse(422, "ERROR_CAMPAIGN_INVALID_BRAND", text)
    return BRANDS[str(codes[0]).lower()] if isinstance(codes, list) else BRANDS["amazonus"]


def _delivery(body: dict[str, Any], kind: str) -> str:
    if kind != "campaign":
        return {"direct_links": "DIRECT_LINK", "embedded": "EMBEDDED"}[kind]
    delivery = body.get("delivery_type", "GIFTBIT_EMAIL")
    if delivery not in ("GIFTBIT_EMAIL", "SHORTLINK"):
        raise refuse(422, "ERROR_CAMPAIGN_INVALID_DELIVERY_TYPE", "Unknown delivery_type")
    return str(delivery)


def _contacts(body: dict[str, Any]) -> list[dict[str, Any]]:
    contacts = body.get("contacts")
    if not isinstance(contacts, list) or not 1 <= len(contacts) <= MOST_REWARDS:
        raise refuse(422, "ERROR_CAMPAIGN_NO_CONTACTS", "At least one contact is required")
    for contact in contacts:
        email = contact.get("email") if isinstance(contact, dict) else None
        if not EMAIL.fullmatch(str(email)):
            raise refuse(422, "ERROR_CAMPAIGN_INVALID_CONTACT", "A contact's email is invalid")
    return contacts


def _link_count(body: dict[str, Any], kind: str) -> int:
    count = 1 if kind == "embedded" else body.get("link_count", 1)
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= MOST_REWARDS:
        raise refuse(422, "ERROR_CAMPAIGN_INVALID_LINK_COUNT", "link_count is 1 to 1000")
    return int(count)


def render(order: Order) -> dict[str, Any]:
    """A campaign. Contacts that bounced before sending count as failures."""
    doc, lines = order.doc, order.lines
    failures = len(lines) if order.state == "failed" else 0
    contacts = [
        line["contact"] | {"added_succesfully": not failures} for line in lines if line["contact"]
    ]
    return {
        "uuid": order.id,
        "id": order.key,
        "status": order.status,
        "message": doc["message"],
        "subject": doc["subject"],
        "contacts": contacts or None,
        "price_in_cents": lines[0]["amount"],
        "brand_codes": doc["brand_codes"],
        "region": doc["region"],
        "delivery_type": doc["delivery_type"],
        "link_count": None if contacts else len(lines),
        "expiry": doc["expiry"],
        "gift_template": doc["gift_template"],
        "suppress_default_greeting": False,
        "fees": _fees(order),
        "contacts_success_count": len(lines) - failures,
        "contacts_failure_count": failures,
    }


def _fees(order: Order) -> dict[str, Any]:
    fee = sum(line["fee"] for line in order.lines)
    entries = [
        {"fee_type": "FACE_VALUE", "amount_in_cents": order.charged - fee,
         "currency": order.currency, "number_of_gifts": len(order.lines)},
        {"fee_type": "PER_GIFT", "amount_in_cents": fee, "currency": order.currency,
         "number_of_gifts": len(order.lines)},
    ]  # fmt: skip
    return {"cost_entries": entries, "subtotal_in_cents": order.charged, "tax_in_cents": 0,
            "total_in_cents": order.charged}  # fmt: skip


def render_gift(order: Order, line: dict[str, Any]) -> dict[str, Any]:
    contact = line["contact"] or {}
    name = f"{contact.get('firstname', '')} {contact.get('lastname', '')}".strip()
    return {
        "uuid": line["id"],
        "campaign_uuid": order.id,
        "campaign_id": order.key,
        "delivery_status": line["delivery"],
        "status": "GIVER_CANCELLED" if order.state == "cancelled" else line["status"],
        "redelivery_count": line["redeliveries"],
        "recipient_name": name or None,
        "recipient_email": contact.get("email"),
        "price_in_cents": line["amount"],
        "brand_code": order.doc["brand"],
        "created_date": pacific(order.created_at),
        "delivery_date": pacific(line["delivered_at"]) if "delivered_at" in line else None,
    }


def render_brand(item: Item, detailed: bool = False) -> dict[str, Any]:
    shown: dict[str, Any] = {"brand_code": item.id, "name": item.name, "disclaimer": ""}
    if not detailed:
        return shown
    regions = [number for number, currency in REGIONS.values() if currency == item.currency]
    shown |= {"regions": regions, "fund_currencyisocode": item.currency,
              "inapp_available": True, "variable_price": item.variable}  # fmt: skip
    if not item.variable:
        return shown | {"allowed_prices_in_cents": list(item.values)}
    low, high = item.values
    return shown | {"min_price_in_cents": low, "max_price_in_cents": high}


def pacific(at: float) -> str:
    """Pacific time without its offset, as every date of this API is."""
    return datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(PACIFIC)).strftime(FORMAT)


def from_pacific(text: str) -> float:
    try:
        naive = datetime.strptime(text, FORMAT)  # noqa: DTZ007 - the zone follows
    except ValueError as error:
        raise refuse(400, "ERROR_INVALID_DATE", "Dates are yyyy-MM-dd HH:mm:ss") from error
    return naive.replace(tzinfo=ZoneInfo(PACIFIC)).timestamp()
