"""Reads the body of Tango's `POST /orders`, and shows orders, line items and errors as it does."""

import re
import time
from http.client import responses
from typing import Any
from uuid import uuid4

from simulator.book import Order, iso
from simulator.catalogue import FX, Item, in_dollars
from simulator.provider import EMAIL, Answer, Refusal, major, minor

ITEMS = {
    item.id: item
    for item in (
        Item("U000001", "Amazon.com Gift Card", (1_00, 500_00)),
        Item("U000025", "Coffee House $25", (25_00,), variable=False),
        Item("U999999", "Reward Link Preferred", (1_00, 2000_00), fee=50),
        Item("U555555", "Zalando Deutschland", (5_00, 150_00), currency="EUR"),
    )
}
CHOICE = "U999999"
"""The one product that can be cancelled."""
REFERENCE = re.compile(r"[A-Za-z0-9]{1,100}")
METHODS = ("NONE", "EMAIL", "PHONE", "ADDRESS", "EMBEDDED")


def error(status: int, key: str, message: str, path: str = "", value: Any = None) -> Answer:
    """The error body; `key` is the message's number in Tango's own catalogue."""
    faults = [{"path": path, "message": message, "constraint": "", "i18nKey": key,
               "invalidValue": None if value is None else str(value)}]  # fmt: skip
    body = {
        "timestamp": iso(time.time()),
        "requestId": str(uuid4()),
        "path": "/raas/v2",
        "httpCode": status,
        "httpPhrase": responses.get(status, ""),
        "message": message,
        "i18nKey": key,
        "errors": faults if path else [],
    }
    return Answer(status, body)


def refuse(status: int, key: str, message: str, path: str = "", value: Any = None) -> Refusal:
    return Refusal(error(status, key, message, path, value))


def parse(body: Any) -> dict[str, Any]:
    """The order's own record: one line, its cost in USD.

    Raises:
        Refusal: 400 for what is missing or malformed, 422 for what cannot be ordered."""
    if not isinstance(body, dict):
        raise refuse(400, "400.009", "Could not read message. Check for proper JSON formatting.")
    for name in ("accountIdentifier", "customerIdentifier", "utid"):
        if not isinstance(body.get(name), str) or not body[name].strip():
            raise refuse(422, "422.007", f"Failed field {name}. A value is required.", name)
    reference = body.get("externalRefID")
    if reference is not None and not REFERENCE.fullmatch(str(reference)):
        text = "Field externalRefID must not exceed 100 characters in length."
        raise refuse(422, "422.006", text, "externalRefID", reference)
    method = _method(body)
    item, amount = _item(body)
    _recipient(body, method)
    line = {"id": f"LI-{uuid4()}", "amount": amount, "quantity": 1,
            "cost": in_dollars(amount, item.currency) + item.fee}  # fmt: skip
    return {
        "account": body["accountIdentifier"],
        "customer": body["customerIdentifier"],
        "utid": item.id,
        "method": method,
        "sender": body.get("sender"),
        "recipient": body.get("recipient"),
        "campaign": body.get("campaign"),
        "notes": body.get("notes"),
        "etid": body.get("etid"),
        "charged_currency": "USD",
        "lines": [line],
    }


def _method(body: dict[str, Any]) -> str:
    """`deliveryMethod`, or what the older `sendEmail` says."""
    method = body.get("deliveryMethod")
    if method is None and isinstance(body.get("sendEmail"), bool):
        return "EMAIL" if body["sendEmail"] else "NONE"
    if method not in METHODS:
        raise refuse(422, "422.007", "Failed field sendEmail. A value is required.", "sendEmail")
    if method == "ADDRESS":
        raise refuse(422, "422.028", "Address on a digital order.", "deliveryMethod", method)
    return str(method)


def _item(body: dict[str, Any]) -> tuple[Item, int]:
    item = ITEMS.get(body["utid"])
    if item is None:
        text = "The Item identifier provided is not valid."
        raise refuse(422, "422.024", text, "utid", body["utid"])
    amount = minor(body.get("amount"))
    if amount is None:
        text = "Please specify value to have between zero and two decimal places."
        raise refuse(422, "422.014", text, "amount", body.get("amount"))
    if not item.sells(amount):
        low, high = major(item.values[0]), major(item.values[-1])
        if item.variable:
            text = f"Amount is not within the range allowed: Min = {low}, Max = {high}."
            raise refuse(422, "422.025", text, "amount", body["amount"])
        text = f"Amount is not correct for this fixed value item. Amount should be = {low}."
        raise refuse(422, "422.027", text, "amount", body["amount"])
    return item, amount


def _recipient(body: dict[str, Any], method: str) -> None:
    recipient = body.get("recipient")
    email = recipient.get("email") if isinstance(recipient, dict) else None
    if method == "EMAIL" and not email:
        raise refuse(422, "422.029", "This item requires a recipient email.", "recipient.email")
    if email and not EMAIL.fullmatch(str(email)):
        text = "The email address does not appear to be valid."
        raise refuse(422, "422.009", text, "recipient.email", email)


def render(order: Order, summary: bool = False) -> dict[str, Any]:
    """The whole order with the card's secret, or the row that lists show."""
    line, doc = order.lines[0], order.doc
    item = ITEMS[doc["utid"]]
    shown = {
        "referenceOrderID": order.id,
        "externalRefID": order.key or None,
        "customerIdentifier": doc["customer"],
        "accountIdentifier": doc["account"],
        "accountNumber": "A00000001",
        "amountCharged": {
            "value": major(line["cost"] - item.fee),
            "currencyCode": "USD",
            "exchangeRate": float(FX[order.currency]),
            "fee": major(item.fee),
            "total": major(line["cost"]),
        },
        "marginShare": None,
        "utid": item.id,
        "rewardName": item.name,
        "sender": doc["sender"],
        "recipient": doc["recipient"],
        "sendEmail": doc["method"] == "EMAIL",
        "deliveryMethod": doc["method"],
        "status": order.status,
        "campaign": doc["campaign"],
        "notes": doc["notes"],
        "etid": doc["etid"],
        "createdAt": iso(order.created_at),
    }
    return shown if summary else shown | _secret(order, line)


def _secret(order: Order, line: dict[str, Any]) -> dict[str, Any]:
    denomination = {"value": major(line["amount"]), "currencyCode": order.currency}
    if order.state != "issued":
        return {"denomination": denomination, "reward": None}
    link = f"https://tango.example/redeem/{line['id']}"
    credential = {"label": "Redemption Link", "value": link, "type": "url",
                  "credentialType": "redemptionUrl"}  # fmt: skip
    reward = {"credentials": {"Redemption Link": link}, "credentialList": [credential],
              "redemptionInstructions": "Open the link."}  # fmt: skip
    return {"denomination": denomination, "reward": reward}


def render_line(order: Order) -> dict[str, Any]:
    line = order.lines[0]
    return {
        "referenceLineItemID": line["id"],
        "referenceOrderID": order.id,
        "externalRefID": order.key or None,
        "utid": order.doc["utid"],
        "amountIssued": major(line["amount"]),
        "currencyCode": order.currency,
        "lineItemStatus": order.status,
        "status": order.status,
        "emailStatus": order.delivery if order.doc["method"] == "EMAIL" else None,
        # The documents name no member for texts; they do call the page "line item delivery status".
        "deliveryStatus": order.delivery if order.doc["method"] == "PHONE" else None,
        "lastDateUpdated": iso(order.created_at),
        "orderDate": iso(order.created_at),
    }


def render_item(item: Item) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "utid": item.id,
        "rewardName": item.name,
        "currencyCode": item.currency,
        "status": "active",
        "valueType": "VARIABLE_VALUE" if item.variable else "FIXED_VALUE",
        "rewardType": "gift card",
        "isWholeAmountValueRequired": False,
        "countries": ["DE" if item.currency == "EUR" else "US"],
        "credentialTypes": ["redemptionUrl"],
        "fee": {"amount": major(item.fee), "amountType": "FLAT"},
        "redemptionInstructions": "Open the link.",
        "createdDate": "2020-01-01T00:00:00Z",
        "lastUpdateDate": "2020-01-01T00:00:00Z",
    }
    if not item.variable:
        return shown | {"faceValue": major(item.values[0])}
    return shown | {"minValue": major(item.values[0]), "maxValue": major(item.values[1])}
