"""Runa API v2: orders under a required idempotency key that remembers every answer, Svix webhooks.

Source: reference/gift-card-providers.md §4. There is no look-up by key: `GET /order` pages newest
first and shows our `description`, but only of completed orders. E-mails report no delivery, so the
outcomes `delivered` and `bounced` look alike; `failed` ends in `FAILED` and returns the money. The
account's webhook address and secret are set by `/_control/webhook`, as in Runa's dashboard. A 5xx
(the faults `error_before` and `error_after`) is replayed as long as the key lives, as documented.
The documented 300 orders a minute are not enforced unless `/_control/rate` says so."""

import base64
import time
from typing import Any, ClassVar
from uuid import uuid4

from simulator import runa_order as shape
from simulator.book import Order
from simulator.provider import Answer, Call, Incoming, Provider, Refusal, fingerprint
from simulator.runa_order import refuse
from simulator.runa_replies import RunaReplies, signature
from simulator.world import World

VERSION = "2024-02-05"
CURRENCIES = ("USD", "EUR")
ERRORS = {
    400: ("bad_request", "There is a problem with your request payload or JSON format."),
    401: ("invalid_api_key", "Missing or invalid 'X-Api-Key' header"),
    403: ("forbidden", "You don't have permission to access the requested resource"),
    504: ("timeout", "The request timed out"),
}
TRIGGERS = {"insufficient_funds": 400, "internal_server_error": 500}


class Runa(Provider):
    name = "runa"
    prefix = "/runa/v2"
    statuses: ClassVar[dict[str, str]] = {
        "pending": "PROCESSING",
        "issued": "COMPLETED",
        "failed": "FAILED",
        "cancelled": "COMPLETED",
    }

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.replies = RunaReplies(world)

    def calls(self) -> list[Call]:
        return [
            Call("POST", "/order", self.create, orders=True),
            Call("GET", "/order", self.list_orders),
            Call("POST", "/order/estimate", self.estimate),
            Call("GET", "/order/{id}", self.get_order),
            Call("GET", "/balance", self.balance),
            Call("GET", "/product", self.products),
            Call("GET", "/product/{id}", self.product),
        ]

    def credential(self, incoming: Incoming) -> bool:
        return bool(incoming.headers.get("x-api-key", "").strip())

    def forced(self, incoming: Incoming) -> Answer | None:
        """The playground's trigger, and the end of other API versions."""
        if incoming.headers.get("x-api-version", VERSION) != VERSION:
            return shape.error(410, "version_removed", "API version has been removed")
        kind = incoming.headers.get("x-trigger-error", "")
        return shape.error(TRIGGERS[kind], kind, "Triggered") if kind in TRIGGERS else None

    def error(self, status: int) -> Answer:
        if status == 429:
            return Answer(429, {"error": "rate exceeded"})
        return shape.error(status, *ERRORS.get(status, ("internal_server_error", "An error")))

    def failed_before_commit(self, incoming: Incoming, status: int) -> Answer:
        """A key's first answer is kept, whatever it is."""
        answer, key = self.error(status), self.key_of(incoming)
        mark = fingerprint(incoming.body)
        with self.world.db.transaction():
            if key and self.replies.recall(key, mark) is None:
                self.replies.keep(key, mark, answer)
        return answer

    def failed_after_commit(self, order: Order, status: int) -> Answer:
        answer = self.error(status)
        self.replies.overwrite(order.key, answer)
        return answer

    def key_of(self, incoming: Incoming) -> str:
        return incoming.headers.get("x-idempotency-key", "")

    def create(self, incoming: Incoming) -> Answer:
        key, mark = self.key_of(incoming), fingerprint(incoming.body)
        if not key:
            raise shape.invalid("field required", "header", "X-Idempotency-Key")
        if self.in_process(key):
            text = "We are already processing an order for this idempotency key"
            order = self.world.book.newest_by_key(self.name, key)
            return Answer(400, shape.error(400, "idempotency_in_progress", text).body, order)
        with self.world.db.transaction():
            answer = self.replies.recall(key, mark)
            if answer is None:
                answer = self._answer_first(incoming, key)
                self.replies.keep(key, mark, answer)
        return answer

    def _answer_first(self, incoming: Incoming, key: str) -> Answer:
        """Refusals are answers too: the key remembers them."""
        try:
            return self._place(incoming, key)
        except Refusal as refusal:
            return refusal.answer

    def _place(self, incoming: Incoming, key: str) -> Answer:
        mode = incoming.headers.get("x-execution-mode", "async")
        if mode not in ("sync", "async"):
            raise refuse(400, "invalid_execution_mode", "Invalid execution mode.")
        record = shape.parse(incoming.body)
        if mode == "sync" and len(record["lines"]) > 1:
            raise shape.invalid("Sync orders are limited to a single order item.", "items")
        order = self._new(key, record)
        if not self.world.funds.charge(self.name, order.currency, order.charged):
            text = f"Insufficient funds in {order.currency} balance to create order."
            raise refuse(400, "insufficient_funds", text)
        if mode == "sync":
            self._complete(order, "delivered")
        self.world.book.add(order)
        if mode == "sync":
            return Answer(200, shape.render(order), order, created=True)
        return Answer(202, {"id": order.id, "status": order.status}, order, created=True)

    def _new(self, key: str, record: dict[str, Any]) -> Order:
        return Order(
            self.name, f"O-{uuid4().hex[:26].upper()}", key, "pending", "PROCESSING", "none",
            record["currency"], self.world.now(), doc=record,
        )  # fmt: skip

    def _complete(self, order: Order, outcome: str) -> None:
        order.state, order.status, order.settled = "issued", "COMPLETED", True
        order.delivery = outcome
        order.doc["completed_at"] = self.world.now()

    def settle(self, order: Order, outcome: str) -> list[int]:
        if outcome == "failed":
            order.state, order.status = "failed", "FAILED"
            self.world.funds.charge(self.name, order.currency, -order.charged)
            return self._tell({"id": order.id, "status": "FAILED"})
        if outcome not in ("delivered", "bounced"):
            order.status = outcome
            return []
        self._complete(order, outcome)
        return self._tell(shape.basic(order))

    def _tell(self, body: dict[str, Any]) -> list[int]:
        url = self.world.setting("webhook", self.name)["url"]
        return self.queue_hook(url, f"msg_{uuid4().hex}", body)

    def sign(self, event_id: str, body: bytes) -> dict[str, str]:
        secret = str(self.world.setting("webhook", self.name)["secret"] or "")
        at = int(time.time())
        return {
            "svix-id": event_id,
            "svix-timestamp": str(at),
            "svix-signature": signature(secret, event_id, at, body),
        }

    def adopt(self, key: str, amount: int, currency: str) -> Order:
        item = next(item for item in shape.PRODUCTS.values() if item.currency == currency)
        line = {"id": f"E-{uuid4().hex[:9].upper()}", "amount": amount, "quantity": 1,
                "cost": item.cost(amount), "product": item.id,
                "products": {"type": "SINGLE", "value": item.id},
                "distribution": {"type": "PAYOUT_LINK"}}  # fmt: skip
        record = {"description": key, "metadata": None, "currency": currency, "lines": [line]}
        return self._new(key, record)

    def get_order(self, incoming: Incoming) -> Answer:
        order = self.world.book.by_id(self.name, incoming.path["id"])
        if order is None:
            return shape.error(404, "not_found", "The requested resource does not exist")
        return Answer(200, shape.render(order))

    def list_orders(self, incoming: Incoming) -> Answer:
        """Newest first. A cursor is the place of a row; an empty page is the end."""
        query = incoming.query
        try:
            limit = int(query.get("limit", "100"))
            after, before = (_place_of(query.get(name)) for name in ("after", "before"))
        except ValueError as error:
            raise refuse(400, "pagination_error", "Invalid pagination parameters") from error
        if not 1 <= limit <= 500:
            raise refuse(400, "pagination_error", "limit is 1 to 500")
        orders = self.world.book.beside(self.name, after, before, limit)
        rows = [
            shape.basic(order) if order.state == "issued" else shape.render(order)
            for order in orders
        ]
        cursors = {"after": _cursor(orders[-1]), "before": _cursor(orders[0])} if orders else {}
        return Answer(
            200, {"items": rows, "pagination": {"cursors": cursors, "page": {"limit": limit}}}
        )

    def estimate(self, incoming: Incoming) -> Answer:
        return Answer(200, shape.estimate(shape.parse(incoming.body)))

    def balance(self, incoming: Incoming) -> Answer:
        """One object for one currency, else a list."""
        wanted = incoming.query.get("currency")
        rows = [
            {"balance": shape.money(self.world.funds.available(self.name, currency)),
             "currency": currency}
            for currency in ([wanted] if wanted else CURRENCIES)
        ]  # fmt: skip
        return Answer(200, rows[0] if wanted else rows)

    def products(self, incoming: Incoming) -> Answer:
        """One page holds all: the page after it is empty."""
        shown = [shape.render_product(item) for item in shape.PRODUCTS.values()]
        code = incoming.query.get("code")
        found = [product for product in shown if code in (None, product["code"])]
        if "after" in incoming.query:
            found = []
        cursors = {"after": "ZW5k"} if found else {}
        pagination = {"cursors": cursors, "page": {"limit": 500}}
        return Answer(200, {"catalog": found, "pagination": pagination})

    def product(self, incoming: Incoming) -> Answer:
        item = shape.PRODUCTS.get(incoming.path["id"])
        if item is None:
            return shape.error(404, "not_found", "The requested resource does not exist")
        return Answer(200, shape.render_product(item))


def _cursor(order: Order) -> str:
    return base64.urlsafe_b64encode(str(order.seq).encode()).decode()


def _place_of(cursor: str | None) -> int | None:
    return None if cursor is None else int(base64.urlsafe_b64decode(cursor))
