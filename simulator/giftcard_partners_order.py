"""Reads and validates the body of `POST /v1/Orders`. Names match in any case, as ASP.NET reads."""

from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from simulator.giftcard_partners_catalogue import PRODUCTS, SHIPPING_METHODS, Product
from simulator.provider import EMAIL, PHONE, Answer, Refusal, minor

TYPES = ("DigitalDelivery", "Links", "PhysicalShipment")
PHYSICAL_FIELDS = ("name", "addressline1", "city", "state", "zip", "country")
MOST_CARDS = 1000


def refuse(status: int, message: str, **members: Any) -> Refusal:
    return Refusal(Answer(status, {"message": message, **members}))


def fold(value: Any) -> Any:
    """The same JSON with lower-case names."""
    if isinstance(value, dict):
        return {str(name).lower(): fold(member) for name, member in value.items()}
    return [fold(member) for member in value] if isinstance(value, list) else value


def po_number(body: Any) -> str:
    value = fold(body).get("ponumber") if isinstance(body, dict) else None
    if not isinstance(value, str) or not value.strip():
        raise refuse(400, "PONumber is required.", field="PONumber")
    return value


def parse(body: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """The order's own record and its currency; amounts in minor units.

    Raises:
        Refusal: 400, naming the field."""
    folded = fold(body)
    kind = folded.get("type")
    if kind not in TYPES:
        raise refuse(400, f"Type must be one of {', '.join(TYPES)}.", field="Type")
    items = folded.get("lineitems")
    if not isinstance(items, list) or not items:
        raise refuse(400, "At least one line item is required.", field="LineItems")
    lines = [_line(kind, item, f"LineItems[{i}]") for i, item in enumerate(items)]
    currencies = {PRODUCTS[line["product"]].currency for line in lines}
    if len(currencies) != 1:
        raise refuse(400, "An order has one currency.", field="LineItems")
    record = {
        "type": kind,
        "note": folded.get("note"),
        "hook": _hook(folded.get("webhooksettings")),
        "lines": lines,
    }
    return record, currencies.pop()


def _hook(settings: Any) -> str | None:
    url = settings.get("fulfillmentcomplete") if isinstance(settings, dict) else None
    if url is None:
        return None
    if not isinstance(url, str) or urlsplit(url).scheme not in ("http", "https"):
        raise refuse(400, "Not an absolute URL.", field="WebhookSettings.FulfillmentComplete")
    return url


def _line(kind: str, item: Any, where: str) -> dict[str, Any]:
    if not isinstance(item, dict):
        raise refuse(400, "A line item is an object.", field=where)
    product = PRODUCTS.get(str(item.get("productid")))
    if product is None:
        raise refuse(400, "Unknown product.", field=f"{where}.ProductId")
    if kind not in product.delivery_types:
        raise refuse(400, f"{product.id} is not available as {kind}.", field=f"{where}.ProductId")
    value = minor(item.get("value"))
    if value is None or not product.sells(value):
        raise refuse(400, f"Value is no denomination of {product.id}.", field=f"{where}.Value")
    quantity = item.get("quantity")
    if isinstance(quantity, bool) or not isinstance(quantity, int):
        raise refuse(400, "Quantity is a whole number.", field=f"{where}.Quantity")
    if not 1 <= quantity <= MOST_CARDS:
        raise refuse(400, f"Quantity is 1 to {MOST_CARDS}.", field=f"{where}.Quantity")
    _address(kind, product, item, where)
    return {
        "id": str(uuid4()),
        "product": product.id,
        "amount": value,
        "quantity": quantity,
        "cost": product.cost(value),
        "culture": item.get("culture") or "en-US",
        "external_id": item.get("externalid"),
        "personalization": _personalization(item, where),
        "claims": [],
    }


def _personalization(item: dict[str, Any], where: str) -> dict[str, Any] | None:
    given = item.get("personalization")
    if given is None:
        return None
    if not isinstance(given, dict):
        raise refuse(400, "An object is expected.", field=f"{where}.Personalization")
    names = {"to": "to", "fromname": "fromName", "fromemail": "fromEmail", "message": "message",
             "deliverydate": "deliveryDate"}  # fmt: skip
    return {camel: given.get(name) for name, camel in names.items()}


def _address(kind: str, product: Product, item: dict[str, Any], where: str) -> None:
    if kind == "DigitalDelivery":
        _digital(item.get("digitaldeliveryaddress"), f"{where}.DigitalDeliveryAddress")
    if kind == "PhysicalShipment":
        _physical(product, item.get("physicaldeliveryaddress"), f"{where}.PhysicalDeliveryAddress")


def _digital(address: Any, where: str) -> None:
    if not isinstance(address, dict) or not (address.get("email") or address.get("sms")):
        raise refuse(400, "Email or Sms is required.", field=where)
    if address.get("email") and not EMAIL.fullmatch(str(address["email"])):
        raise refuse(400, "Not an e-mail address.", field=f"{where}.Email")
    if address.get("sms") and not PHONE.fullmatch(str(address["sms"])):
        raise refuse(400, "Not a phone number.", field=f"{where}.Sms")


def _physical(product: Product, address: Any, where: str) -> None:
    if not isinstance(address, dict):
        raise refuse(400, "An address is required.", field=where)
    for name in PHYSICAL_FIELDS:
        if not isinstance(address.get(name), str) or not address[name].strip():
            raise refuse(400, f"{name} is required.", field=where)
    methods = {method["Id"]: method for method in SHIPPING_METHODS}
    method = methods.get(str(address.get("shippingmethodid")))
    if method is None:
        raise refuse(400, "Unknown shipping method.", field=f"{where}.ShippingMethodId")
    carrier = address.get("carrierid")
    if (carrier or product.needs_carrier) and carrier not in method["CarrierIds"]:
        raise refuse(400, "Unknown card carrier.", field=f"{where}.CarrierId")
