"""Tremendous API v2: orders by external_id (200 new, 201 repeated, 409 changed), signed webhooks.

Source: reference/gift-card-providers.md §1. An order is paid at once (`EXECUTED`); what takes time
is the delivery of its reward. An outcome that begins with PENDING (`PENDING APPROVAL`, ...) keeps
new orders in that status instead. The documented 10 requests a second are not enforced unless
`/_control/rate` says so."""

import secrets
from typing import Any, ClassVar

from simulator import tremendous_order as shape
from simulator.book import Order
from simulator.catalogue import in_dollars
from simulator.provider import Answer, Call, Incoming, Provider, fingerprint
from simulator.tremendous_money import TremendousMoney, page, time_of
from simulator.tremendous_order import refuse
from simulator.tremendous_webhooks import TremendousWebhooks
from simulator.world import World

MESSAGES = {400: "Bad request", 401: "Unauthorized", 403: "Forbidden", 404: "Not found"}
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
FAILURES = {
    "failed": {"failure_reason": "email_delivery_failed", "retryable": True},
    "bounced": {"failure_reason": "invalid_email", "retryable": False},
}


class Tremendous(Provider):
    name = "tremendous"
    prefix = "/tremendous/api/v2"
    statuses: ClassVar[dict[str, str]] = {
        "pending": "OPEN",
        "issued": "EXECUTED",
        "failed": "FAILED",
        "cancelled": "CANCELED",
    }

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.webhooks, self.money = TremendousWebhooks(world), TremendousMoney(world)

    def sign(self, event_id: str, body: bytes) -> dict[str, str]:
        return self.webhooks.sign(event_id, body)

    def calls(self) -> list[Call]:
        return [
            Call("POST", "/orders", self.create, orders=True),
            Call("GET", "/orders", self.list_orders),
            Call("GET", "/orders/{id}", self.get_order),
            Call("GET", "/rewards", self.list_rewards),
            Call("GET", "/rewards/{id}", self.get_reward),
            Call("POST", "/rewards/{id}/resend", self.resend),
            Call("POST", "/rewards/{id}/cancel", self.cancel),
            Call("POST", "/rewards/{id}/generate_link", self.generate_link),
            Call("GET", "/products", self.products),
            Call("GET", "/products/{id}", self.product),
            Call("GET", "/campaigns", self.campaigns),
            *self.money.calls(),
            *self.webhooks.calls(),
        ]

    def credential(self, incoming: Incoming) -> bool:
        scheme, _, key = incoming.headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and bool(key.strip())

    def error(self, status: int) -> Answer:
        message = MESSAGES.get(status, "Something went wrong")
        if status == 429:
            return Answer(429, {"error": {"message": "Rate limit exceeded"}})
        return Answer(status, {"status": status, "errors": {"message": message}})

    def key_of(self, incoming: Incoming) -> str:
        body = incoming.body
        return str(body.get("external_id") or "") if isinstance(body, dict) else ""

    def create(self, incoming: Incoming) -> Answer:
        key, mark = self.key_of(incoming), fingerprint(incoming.body)
        with self.world.db.transaction():
            first = self.world.book.by_key(self.name, key) if key else None
            if first is not None:
                return self._repeat(first, mark)
            record = shape.parse(incoming.body)
            order = self._new(key, record | {"fingerprint": mark})
            if not self._pay(order):
                raise refuse(402, "Not enough funds")
            self.world.book.add(order)
            self.webhooks.tell("ORDERS.CREATED", "orders", order.id)
        link = self._link() if record["method"] == "LINK" else None
        return Answer(200, {"order": shape.render(order, link)}, order, created=True)

    def _repeat(self, first: Order, mark: str) -> Answer:
        if first.doc["fingerprint"] != mark:
            body = {"status": 409, "errors": {"message": "external_id was used for another order"}}
            return Answer(409, body, first)
        return Answer(201, {"order": shape.render(first)}, first)

    def _pay(self, order: Order) -> bool:
        """An invoice is paid later, so it needs no funds."""
        if order.doc["source"].startswith("INVOICE"):
            return True
        return self.world.funds.charge(self.name, "USD", order.charged)

    def _new(self, key: str, record: dict[str, Any]) -> Order:
        outcome = self.world.setting("delivery", self.name)["outcome"]
        waits = outcome.startswith("PENDING")
        # A link is handed over in the answer: there is nothing left to deliver.
        handed_over = record["method"] == "LINK"
        return Order(
            self.name, "O" + "".join(secrets.choice(LETTERS) for _ in range(11)), key,
            "pending" if waits else "issued", outcome if waits else "EXECUTED",
            "SUCCEEDED" if handed_over else "PENDING", record["currency"], self.world.now(),
            settled=handed_over and not waits, doc=record,
        )  # fmt: skip

    def settle(self, order: Order, outcome: str) -> list[int]:
        if outcome.startswith("PENDING"):
            order.status = outcome
            return []
        order.state, order.status = "issued", "EXECUTED"
        if order.doc["method"] == "LINK":
            return []
        order.delivery = {"delivered": "SUCCEEDED", "failed": "FAILED", "bounced": "FAILED"}.get(
            outcome, outcome
        )
        if order.delivery not in ("SUCCEEDED", "FAILED"):
            return []
        event = f"REWARDS.DELIVERY.{order.delivery}"
        meta = FAILURES.get(outcome, {})
        return self.webhooks.tell(event, "rewards", shape.reward_id(order), meta)

    def adopt(self, key: str, amount: int, currency: str) -> Order:
        item = next(item for item in shape.PRODUCTS.values() if item.currency == currency)
        cost = in_dollars(amount, currency) + item.fee
        line = {"amount": amount, "quantity": 1, "cost": cost, "fee": item.fee}
        record: dict[str, Any] = {
            "source": "BALANCE", "campaign_id": None, "method": "EMAIL", "recipient": {},
            "deliver_at": None, "currency": currency, "charged_currency": "USD",
            "fingerprint": "", "lines": [line],
        }  # fmt: skip
        order = self._new(key, record)
        order.delivery = "SUCCEEDED"
        return order

    # Reading

    def _order(self, incoming: Incoming) -> Order:
        """By id or by external_id."""
        given = incoming.path["id"]
        order = self.world.book.by_id(self.name, given) or self.world.book.by_key(self.name, given)
        if order is None:
            raise refuse(404, "Order not found")
        return order

    def _reward(self, incoming: Incoming) -> Order:
        order = self.world.book.by_id(self.name, shape.order_id(incoming.path["id"]))
        if order is None or shape.reward_id(order) != incoming.path["id"]:
            raise refuse(404, "Reward not found")
        return order

    def get_order(self, incoming: Incoming) -> Answer:
        return Answer(200, {"order": shape.render(self._order(incoming))})

    def get_reward(self, incoming: Incoming) -> Answer:
        return Answer(200, {"reward": shape.render_reward(self._reward(incoming))})

    def _listed(self, incoming: Incoming) -> list[Order]:
        """Newest first, by created_at, external_id and campaign_id."""
        since, until = (
            time_of(incoming, "created_at[gte]", 0.0),
            time_of(incoming, "created_at[lte]"),
        )
        orders = self.world.book.listing(self.name, since, until)
        key = incoming.query.get("external_id")
        campaign = incoming.query.get("campaign_id")
        return [
            order
            for order in orders
            if key in (None, order.key) and campaign in (None, order.doc["campaign_id"])
        ]

    def list_orders(self, incoming: Incoming) -> Answer:
        return page(incoming, "orders", self._listed(incoming), shape.render)

    def list_rewards(self, incoming: Incoming) -> Answer:
        return page(incoming, "rewards", self._listed(incoming), shape.render_reward)

    def products(self, incoming: Incoming) -> Answer:
        currency, wanted = incoming.query.get("currency"), incoming.query.get("id")
        country = incoming.query.get("country")
        shown = [
            shape.render_product(item)
            for item in shape.PRODUCTS.values()
            if currency in (None, item.currency) and wanted in (None, item.id)
        ]
        if country is not None:
            shown = [product for product in shown if product["countries"] == [{"abbr": country}]]
        return Answer(200, {"products": shown})

    def product(self, incoming: Incoming) -> Answer:
        item = shape.PRODUCTS.get(incoming.path["id"])
        if item is None:
            raise refuse(404, "Product not found")
        return Answer(200, {"product": shape.render_product(item)})

    def campaigns(self, incoming: Incoming) -> Answer:
        campaign = {"id": shape.CAMPAIGN, "name": "Everything", "products": list(shape.PRODUCTS)}
        return Answer(200, {"campaigns": [campaign]})

    # What can be done afterwards

    def resend(self, incoming: Incoming) -> Answer:
        order = self._reward(incoming)
        if order.delivery != "FAILED":
            raise refuse(422, "Only rewards with a delivery failure can be resent")
        body = incoming.body if isinstance(incoming.body, dict) else {}
        for name in ("email", "phone"):
            if body.get(f"updated_{name}"):
                order.doc["recipient"][name] = body[f"updated_{name}"]
        order.delivery, order.settled = "PENDING", False
        self.world.book.save(order)
        self.world.changed.set()
        return Answer(200, {})

    def cancel(self, incoming: Incoming) -> Answer:
        order = self._reward(incoming)
        if order.delivery != "FAILED" or order.state != "issued":
            raise refuse(422, "Only rewards with a delivery failure can be canceled")
        with self.world.db.transaction():
            order.state, order.status, order.settled = "cancelled", "CANCELED", True
            order.doc["refunded_at"] = self.world.now()
            if not order.doc["source"].startswith("INVOICE"):
                self.world.funds.charge(self.name, "USD", -order.charged)
            self.world.book.save(order)
            self.webhooks.tell("REWARDS.CANCELED", "rewards", shape.reward_id(order))
        return Answer(200, {})

    def generate_link(self, incoming: Incoming) -> Answer:
        order = self._reward(incoming)
        if order.doc["method"] != "LINK":
            raise refuse(403, "Not a LINK reward")
        return Answer(200, {"reward": {"id": shape.reward_id(order), "link": self._link()}})

    def _link(self) -> str:
        return f"https://tremendous.example/rewards/payout/{secrets.token_urlsafe(24)}"
