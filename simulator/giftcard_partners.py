"""GiftCard Partners, Engage2Reward API v1: tokens, products, orders by PONumber, one webhook.

Source: reference/voucherify-and-giftcard-partners.md §2. Tokens and products answer in
PascalCase, orders in camelCase, as the two public sources show them. Not public, hence assumed
here: the error body (`message`, `field`), `poNumber` and `createdDate` in an order, paging from
`pageIndex` 1, the list of shipping methods, the webhook's body (`{"orderId"}`), and `Failed`."""

from secrets import token_urlsafe
from typing import Any, ClassVar
from uuid import uuid4

from simulator.book import Order, iso
from simulator.giftcard_partners_catalogue import PRODUCTS, SHIPPING_METHODS
from simulator.giftcard_partners_order import fold, parse, po_number, refuse
from simulator.provider import EMAIL, Answer, Call, Incoming, Provider, major

MESSAGES = {
    400: "Malformed request.",
    401: "Missing or invalid token.",
    403: "API access is disabled for this credential.",
    429: "Too many requests.",
}


class GiftCardPartners(Provider):
    name = "giftcard-partners"
    prefix = "/giftcard-partners"
    statuses: ClassVar[dict[str, str]] = {
        "pending": "Pending",
        "issued": "Completed",
        "failed": "Failed",
        "cancelled": "Cancelled",
    }

    def calls(self) -> list[Call]:
        return [
            Call("POST", "/v1/Tokens", self.token, public=True),
            Call("GET", "/v1/Products", self.products),
            Call("GET", "/v1/ShippingMethods", self.shipping_methods),
            Call("POST", "/v1/Orders", self.create, orders=True),
            Call("GET", "/v1/Orders", self.list_orders),
            Call("GET", "/v1/Orders/{id}", self.get_order),
        ]

    def credential(self, incoming: Incoming) -> bool:
        scheme, _, token = incoming.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return False
        row = self.world.db.execute(
            "SELECT 1 FROM tokens WHERE token = ? AND provider = ? AND expires_at > ?",
            (token, self.name, self.world.now()),
        ).fetchone()
        return row is not None

    def error(self, status: int) -> Answer:
        return Answer(status, {"message": MESSAGES.get(status, "Something went wrong.")})

    def key_of(self, incoming: Incoming) -> str:
        body = incoming.body
        return str(fold(body).get("ponumber", "")) if isinstance(body, dict) else ""

    def token(self, incoming: Incoming) -> Answer:
        email, secret = incoming.headers.get("email", ""), incoming.headers.get("accesstoken", "")
        if not EMAIL.fullmatch(email) or not secret.strip():
            return self.error(401)
        seconds = self.world.setting("tokens", self.name)["seconds"]
        value = token_urlsafe(32)
        self.world.db.execute(
            "INSERT INTO tokens VALUES (?, ?, ?)", (value, self.name, self.world.now() + seconds)
        )
        return Answer(200, {"Value": value, "ExpiresIn": seconds})

    def products(self, incoming: Incoming) -> Answer:
        wanted = incoming.query.get("productName", "").lower()
        kind = incoming.query.get("productType")
        found = [
            product.render()
            for product in PRODUCTS.values()
            if wanted in product.name.lower() and kind in (None, product.type)
        ]
        index, size = _paging(incoming)
        data = found[(index - 1) * size : index * size]
        return Answer(
            200, {"Page": index, "PageSize": size, "TotalCount": len(found), "Data": data}
        )

    def shipping_methods(self, incoming: Incoming) -> Answer:
        return Answer(200, SHIPPING_METHODS)

    def create(self, incoming: Incoming) -> Answer:
        key = po_number(incoming.body)
        with self.world.db.transaction():
            first = self.world.book.by_key(self.name, key)
            if first is not None:
                body = {"message": "Duplicate PONumber.", "previousOrderIds": [first.id]}
                return Answer(409, body, first)
            record, currency = parse(incoming.body)
            order = self._new(key, currency, record)
            if not self.world.funds.charge(self.name, currency, order.charged):
                raise refuse(422, "Insufficient funds.")
            self.world.book.add(order)
        return Answer(201, self.render(order), order, created=True)

    def list_orders(self, incoming: Incoming) -> Answer:
        index, size = _paging(incoming)
        orders, count = self.world.book.page(self.name, (index - 1) * size, size)
        data = [self.render(order) for order in orders]
        return Answer(200, {"page": index, "pageSize": size, "totalCount": count, "data": data})

    def get_order(self, incoming: Incoming) -> Answer:
        order = self.world.book.by_id(self.name, incoming.path["id"])
        if order is None:
            return Answer(404, {"message": "Order not found."})
        return Answer(200, self.render(order))

    def settle(self, order: Order, outcome: str) -> list[int]:
        """`failed` is a status that nobody documents, and returns the money; so is any word that
        names no outcome, which is shown as the status. A bounce cannot be seen here."""
        if outcome == "failed":
            order.state, order.status = "failed", self.statuses["failed"]
            self.world.funds.charge(self.name, order.currency, -order.charged)
            return []
        if outcome not in ("delivered", "bounced"):
            order.status = outcome
            return []
        order.state, order.status = "issued", self.statuses["issued"]
        order.delivery = outcome
        if order.doc["type"] == "Links":
            for line in order.lines:
                line["claims"] = [_claim() for _ in range(line["quantity"])]
        return self.queue_hook(order.doc["hook"], order.id, {"orderId": order.id})

    def adopt(self, key: str, amount: int, currency: str) -> Order:
        product = next((p for p in PRODUCTS.values() if p.currency == currency), PRODUCTS["CVS"])
        line = {"id": str(uuid4()), "product": product.id, "amount": amount, "quantity": 1,
                "cost": product.cost(amount), "culture": "en-US", "external_id": None,
                "personalization": None, "claims": []}  # fmt: skip
        record = {"type": "DigitalDelivery", "note": None, "hook": None, "lines": [line]}
        return self._new(key, currency, record)

    def render(self, order: Order) -> dict[str, Any]:
        return {
            "id": order.id,
            "type": order.doc["type"],
            "status": order.status,
            "poNumber": order.key,
            "note": order.doc["note"],
            "createdDate": iso(order.created_at),
            "lineItems": [_render_line(order, line) for line in order.lines],
        }

    def _new(self, key: str, currency: str, record: dict[str, Any]) -> Order:
        return Order(
            self.name, str(uuid4()), key, "pending", self.statuses["pending"], "pending",
            currency, self.world.now(), doc=record,
        )  # fmt: skip


def _paging(incoming: Incoming) -> tuple[int, int]:
    """(page index from 1, page size of at most 100)."""
    try:
        index = int(incoming.query.get("pageIndex", "1"))
        size = int(incoming.query.get("pageSize", "20"))
    except ValueError as error:
        raise refuse(400, "Paging takes whole numbers.") from error
    if not 1 <= index <= 10**9 or not 1 <= size <= 100:
        raise refuse(400, "pageIndex starts at 1, pageSize is 1 to 100.")
    return index, size


def _claim() -> dict[str, Any]:
    return {
        "id": str(uuid4()),
        "claimLink": f"https://claim.giftcard-partners.example/{token_urlsafe(16)}",
        "claimLinkChallengeAnswer": token_urlsafe(8),
        "barcodePath": None,
        "barcodeType": None,
    }


def _render_line(order: Order, line: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": line["id"],
        "productId": line["product"],
        "value": major(line["amount"]),
        "cost": major(line["cost"]),
        "quantity": line["quantity"],
        "status": order.status,
        "culture": line["culture"],
        "theme": None,
        "brandingId": None,
        "externalId": line["external_id"],
        "personalization": line["personalization"],
        "claimData": line["claims"],
    }
