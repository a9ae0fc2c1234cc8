"""Tango RaaS v2: orders by externalRefID (201 new, 200 the original whatever the body, 409.002).

Source: reference/gift-card-providers.md §2. Any account and customer is known. An order is
`COMPLETE` at once, unless the outcome is `failed`: then it is `PENDING` until it is `FAILED` and
its money is back. Digital orders have no webhook; `emailStatus` is read from `/lineItems`. The
documented 1 call a second is not enforced unless `/_control/rate` says so. `/_control/keys` sets
how long a reference is remembered (90 days if not)."""

import base64
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import uuid4

from simulator import tango_order as shape
from simulator.book import Order, iso
from simulator.catalogue import in_dollars
from simulator.provider import Answer, Call, Incoming, Provider, major
from simulator.tango_order import refuse

ERRORS = {
    400: ("400.001", "Invalid Request"),
    401: ("401.002", "Invalid HTTP Basic Authorization credentials"),
    403: ("403.001", "Authorization Error"),
    429: ("429.008", "Too many requests: more than one a second"),
}
NINETY_DAYS = 90 * 86_400
FIVE_DAYS = 5 * 86_400
RESEND_SECONDS = 2.0
MOST_RESULTS = 10_000
ANY_ACCOUNT = ""
"""For an order that nobody placed and without an account: each account's lists show it."""
EMAIL_STATUS = {"delivered": "DELIVERED", "bounced": "BOUNCE", "failed": "NOT_DELIVERED"}


class Tango(Provider):
    name = "tango"
    prefix = "/tango/raas/v2"
    statuses: ClassVar[dict[str, str]] = {
        "pending": "PENDING",
        "issued": "COMPLETE",
        "failed": "FAILED",
        "cancelled": "CANCELLED",
    }

    def calls(self) -> list[Call]:
        return [
            Call("POST", "/orders", self.create, orders=True),
            Call("GET", "/orders", self.list_orders),
            Call("GET", "/orders/{id}", self.get_order),
            Call("POST", "/orders/{id}/resends", self.resend),
            Call("GET", "/lineItems", self.list_lines),
            Call("POST", "/lineItems/{id}/cancel", self.cancel),
            Call("GET", "/accounts", self.accounts),
            Call("GET", "/accounts/{id}", self.account),
            Call("GET", "/catalogs", self.catalog),
        ]

    def credential(self, incoming: Incoming) -> bool:
        scheme, _, encoded = incoming.headers.get("authorization", "").partition(" ")
        try:
            name, _, key = base64.b64decode(encoded, validate=True).decode().partition(":")
        except ValueError:
            return False
        return scheme.lower() == "basic" and bool(name) and bool(key)

    def error(self, status: int) -> Answer:
        key, message = ERRORS.get(status, (f"{status}.001", "Something went wrong"))
        return shape.error(status, key, message)

    def key_of(self, incoming: Incoming) -> str:
        body = incoming.body
        return str(body.get("externalRefID") or "") if isinstance(body, dict) else ""

    def create(self, incoming: Incoming) -> Answer:
        key = self.key_of(incoming)
        record = shape.parse(incoming.body)
        with self.world.db.transaction():
            first = self._first(key, record["account"])
            if first is not None and self.in_process(key):
                text = f"Another order with the same external reference ID of {key} is in process."
                return Answer(409, shape.error(409, "409.002", text).body, first)
            if first is not None:
                return Answer(200, shape.render(first), first)
            order = self._new(key, record)
            if not self.world.funds.charge(self.name, "USD", order.charged):
                raise refuse(402, "402.001", "There are insufficient funds in your account.")
            self.world.book.add(order)
        return Answer(201, shape.render(order), order, created=True)

    def _first(self, key: str, account: str) -> Order | None:
        """References belong to an account, and expire."""
        if not key:
            return None
        life = self.world.setting("keys", self.name)["seconds"] or NINETY_DAYS
        since = self.world.now() - life
        known = self.world.book.all_by_key(self.name, key)
        return next(
            (o for o in known if o.doc["account"] == account and o.created_at > since), None
        )

    def _new(self, key: str, record: dict[str, Any]) -> Order:
        fails = self.world.setting("delivery", self.name)["outcome"] == "failed"
        state = "pending" if fails else "issued"
        return Order(
            self.name, f"RA{uuid4().hex[:16].upper()}", key, state, self.statuses[state],
            "PENDING", shape.ITEMS[record["utid"]].currency, self.world.now(), doc=record,
        )  # fmt: skip

    def settle(self, order: Order, outcome: str) -> list[int]:
        if outcome == "failed" and order.state == "pending":
            order.state, order.status = "failed", "FAILED"
            self.world.funds.charge(self.name, "USD", -order.charged)
            return []
        order.state, order.status = "issued", "COMPLETE"
        order.delivery = EMAIL_STATUS.get(outcome, outcome)
        return []

    def adopt(self, key: str, amount: int, currency: str) -> Order:
        item = next(item for item in shape.ITEMS.values() if item.currency == currency)
        line = {"id": f"LI-{uuid4()}", "amount": amount, "quantity": 1,
                "cost": in_dollars(amount, currency) + item.fee}  # fmt: skip
        # In the account that has orders already: a list shows one account alone.
        last, _ = self.world.book.page(self.name, 0, 1)
        account = last[0].doc["account"] if last else ANY_ACCOUNT
        record = {"account": account, "customer": "unknown", "utid": item.id, "method": "EMAIL",
                  "sender": None, "recipient": None, "campaign": None, "notes": None,
                  "etid": None, "charged_currency": "USD", "lines": [line]}  # fmt: skip
        order = self._new(key, record)
        order.delivery = "DELIVERED"
        return order

    def _order(self, order_id: str) -> Order:
        order = self.world.book.by_id(self.name, order_id)
        if order is None:
            raise refuse(404, "404.017", "The order you requested cannot be found.")
        return order

    def get_order(self, incoming: Incoming) -> Answer:
        return Answer(200, shape.render(self._order(incoming.path["id"])))

    def _listed(self, incoming: Incoming) -> list[Order]:
        """Newest first; at most 10,000 can be listed."""
        query = incoming.query
        orders = self.world.book.listing(
            self.name, _time(query.get("startDate"), 0.0), _time(query.get("endDate"), 1e12)
        )
        wanted: dict[str, Callable[[Order], Any]] = {
            "accountIdentifier": lambda order: order.doc["account"] or query["accountIdentifier"],
            "customerIdentifier": lambda order: order.doc["customer"],
            "externalRefID": lambda order: order.key,
            "status": lambda order: order.status,
            "emailStatus": lambda order: order.delivery,
        }
        filters = [(read, query[name]) for name, read in wanted.items() if name in query]
        return [order for order in orders if all(read(order) == value for read, value in filters)]

    def list_orders(self, incoming: Incoming) -> Answer:
        shown, page = _page(incoming, self._listed(incoming))
        return Answer(200, {"page": page, "orders": [shape.render(order, True) for order in shown]})

    def list_lines(self, incoming: Incoming) -> Answer:
        shown, page = _page(incoming, self._listed(incoming))
        return Answer(200, {"page": page, "lineItems": [shape.render_line(o) for o in shown]})

    def resend(self, incoming: Incoming) -> Answer:
        order = self._order(incoming.path["id"])
        if order.doc["method"] != "EMAIL":
            raise refuse(403, "403.003", "Cannot resend an email created with sendEmail=false.")
        now = self.world.now()
        if now - order.doc.get("resent_at", 0.0) < RESEND_SECONDS:
            raise refuse(403, "403.005", "Cannot send more than once every 2 seconds.")
        body = incoming.body if isinstance(incoming.body, dict) else {}
        if body.get("newEmail"):
            order.doc["recipient"] = (order.doc["recipient"] or {}) | {"email": body["newEmail"]}
        order.doc["resent_at"] = now
        order.delivery, order.settled = "PENDING", False
        self.world.book.save(order)
        self.world.changed.set()
        return Answer(201, {"id": int(now * 1000), "createdAt": iso(now)})

    def cancel(self, incoming: Incoming) -> Answer:
        """Only an unredeemed choice product, within five days."""
        order = self.world.book.by_line(self.name, incoming.path["id"])
        if order is None:
            raise refuse(404, "404.042", "LineItemEntity could not be found")
        too_late = self.world.now() - order.created_at > FIVE_DAYS
        if order.doc["utid"] != shape.CHOICE or order.state != "issued" or too_late:
            raise refuse(403, "403.010", f"Cannot cancel reward with status: {order.status}")
        with self.world.db.transaction():
            order.state, order.status, order.settled = "cancelled", "CANCELLED", True
            self.world.funds.charge(self.name, "USD", -order.charged)
            self.world.book.save(order)
        return Answer(202, shape.render_line(order))

    def _account(self, identifier: str) -> dict[str, Any]:
        return {
            "accountIdentifier": identifier,
            "accountNumber": "A00000001",
            "displayName": identifier,
            "currencyCode": "USD",
            "currentBalance": major(self.world.funds.available(self.name, "USD")),
            "createdAt": "2020-01-01T00:00:00Z",
            "status": "ACTIVE",
            "contactEmail": "finance@example.com",
        }

    def accounts(self, incoming: Incoming) -> Answer:
        return Answer(200, [self._account("main")])

    def account(self, incoming: Incoming) -> Answer:
        return Answer(200, self._account(incoming.path["id"]))

    def catalog(self, incoming: Incoming) -> Answer:
        brands = [
            {"brandKey": f"B{item.id}", "brandName": item.name, "status": "active",
             "disclaimer": "", "description": item.name, "shortDescription": item.name,
             "terms": "", "imageUrls": {}, "createdDate": "2020-01-01T00:00:00Z",
             "lastUpdateDate": "2020-01-01T00:00:00Z", "items": [shape.render_item(item)]}
            for item in shape.ITEMS.values()
        ]  # fmt: skip
        return Answer(200, {"catalogName": "Simulated", "brands": brands})


def _time(text: str | None, default: float) -> float:
    if text is None:
        return default
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise refuse(400, "400.001", "Dates are RFC 3339.") from error
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def _page(incoming: Incoming, orders: list[Order]) -> tuple[list[Order], dict[str, int]]:
    """Pages count from 0; no page reaches beyond the 10,000th result."""
    try:
        number = int(incoming.query.get("page", "0"))
        size = int(incoming.query.get("elementsPerBlock", "10"))
    except ValueError as error:
        raise refuse(400, "400.001", "Paging takes whole numbers.") from error
    if number < 0 or size < 1 or (number + 1) * size > MOST_RESULTS:
        raise refuse(400, "400.021", f"Search request exceeds max window of {MOST_RESULTS}.")
    shown = orders[number * size : (number + 1) * size]
    page = {"number": number, "elementsPerBlock": size, "resultCount": len(shown),
            "totalCount": len(orders)}  # fmt: skip
    return shown, page
