"""Giftbit API v1: orders by a client id (always 200), unfunded orders that wait, no webhooks.

Source: reference/gift-card-providers.md §3. A repeated id answers the original order, whatever
the new body says. An order begins as `API_CREATING`; one without funds is a 200 as well, waits as
`AWAITING_FUNDS` and is sent when `PUT /_control/funds` (or `POST /funds`) brings the money. The
outcome `failed` is an order that reached no contact; `bounced` an undeliverable e-mail."""

from typing import Any, ClassVar
from uuid import uuid4

from simulator import giftbit_order as shape
from simulator.book import Order
from simulator.giftbit_gifts import GiftbitGifts, page_of
from simulator.giftbit_order import info, refuse
from simulator.provider import Answer, Call, Incoming, Provider
from simulator.world import World

ERRORS = {
    400: ("ERROR_BAD_REQUEST", "The request is malformed"),
    401: ("ERROR_UNAUTHORIZED", "Access Token missing or invalid"),
    403: ("ERROR_FORBIDDEN", "Not allowed"),
    429: ("ERROR_RATE_LIMIT", "Too many requests"),
}
DELIVERY = {"delivered": "DELIVERED", "bounced": "UNDELIVERABLE",
            "failed": "TEMPORARILY_UNDELIVERABLE"}  # fmt: skip
CURRENCIES = ("USD", "CAD", "EUR")


class Giftbit(Provider):
    name = "giftbit"
    prefix = "/giftbit/papi/v1"
    statuses: ClassVar[dict[str, str]] = {
        "pending": "API_CREATING",
        "issued": "CAMPAIGN_CREATED",
        "failed": "CAMPAIGN_CREATED",
        "cancelled": "CAMPAIGN_CREATED",
        "awaiting_funds": "AWAITING_FUNDS",
    }

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.gifts = GiftbitGifts(world)

    def calls(self) -> list[Call]:
        return [
            Call("GET", "/ping", self.ping),
            Call("POST", "/campaign", lambda call: self._create(call, "campaign"), orders=True),
            Call("GET", "/campaign/{id}", self.get_campaign),
            Call("POST", "/direct_links", self.direct_links, orders=True),
            Call("POST", "/embedded", self.embedded, orders=True),
            Call("GET", "/links/{id}", self.links),
            *self.gifts.calls(),
            Call("GET", "/funds", self.funds),
            Call("POST", "/funds", self.add_funds),
            Call("GET", "/brands", self.brands),
            Call("GET", "/brands/{id}", self.brand),
            Call("GET", "/regions", self.regions),
        ]

    def credential(self, incoming: Incoming) -> bool:
        scheme, _, key = incoming.headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and bool(key.strip())

    def forced(self, incoming: Incoming) -> Answer | None:
        return self.error(429) if incoming.headers.get("simulate-ratelimit") == "true" else None

    def error(self, status: int) -> Answer:
        code, message = ERRORS.get(status, ("ERROR_SERVER", "Something went wrong"))
        return shape.error(status, code, message)

    def key_of(self, incoming: Incoming) -> str:
        body = incoming.body
        return str(body.get("id") or "") if isinstance(body, dict) else ""

    def ping(self, incoming: Incoming) -> Answer:
        body = {"username": "buyer", "displayname": "Buyer", "info": info("INFO_CREDENTIALS")}
        return Answer(200, body)

    def _create(self, incoming: Incoming, kind: str) -> Answer:
        record = shape.parse(incoming.body, kind)
        with self.world.db.transaction():
            order = self.world.book.by_key(self.name, incoming.body["id"])
            created = order is None
            if order is None:
                order = self._new(incoming.body["id"], record)
                self._pay(order)
                self.world.book.add(order)
        waits = order.state == "awaiting_funds"
        code = "INFO_CAMPAIGN_FUNDS_REQUIRED" if waits else "INFO_CAMPAIGN_CREATED"
        body = {"info": info(code), "status": 200, "campaign": shape.render(order)}
        return Answer(200, body, order, created=created)

    def direct_links(self, incoming: Incoming) -> Answer:
        answer = self._create(incoming, "direct_links")
        order = answer.order
        if order is not None and order.state != "awaiting_funds":
            answer.body["direct_links"] = [_link(line) for line in order.lines]
        return answer

    def embedded(self, incoming: Incoming) -> Answer:
        answer = self._create(incoming, "embedded")
        order = answer.order
        if order is not None and order.state != "awaiting_funds":
            answer.body["gift_link"] = _link(order.lines[0])
        return answer

    def _new(self, key: str, record: dict[str, Any]) -> Order:
        return Order(
            self.name, uuid4().hex, key, "pending", "API_CREATING", "UNSENT",
            record["currency"], self.world.now(), doc=record,
        )  # fmt: skip

    def _pay(self, order: Order) -> bool:
        """Take the money, or let the order wait for it."""
        paid = self.world.funds.charge(self.name, order.currency, order.charged)
        order.state = "pending" if paid else "awaiting_funds"
        order.status, order.settled = self.statuses[order.state], not paid
        return paid

    def funded(self) -> int:
        released = 0
        with self.world.db.transaction():
            for order in self.world.book.in_state(self.name, "awaiting_funds"):
                released += self._pay(order)
                self.world.book.save(order)
        self.world.changed.set()
        return released

    def settle(self, order: Order, outcome: str) -> list[int]:
        fails = outcome == "failed" and order.state == "pending"
        order.state, order.status = "failed" if fails else "issued", "CAMPAIGN_CREATED"
        if fails:
            self.world.funds.charge(self.name, order.currency, -order.charged)
            return []
        mailed = order.doc["delivery_type"] == "GIFTBIT_EMAIL"
        order.delivery = DELIVERY.get(outcome, outcome) if mailed else "UNSENT"
        for line in order.lines:
            line["delivery"] = order.delivery
            if order.delivery == "DELIVERED":
                line["delivered_at"] = self.world.now()
        return []

    def adopt(self, key: str, amount: int, currency: str) -> Order:
        item = next(item for item in shape.BRANDS.values() if item.currency == currency)
        line = {"id": uuid4().hex, "amount": amount, "quantity": 1, "cost": item.cost(amount),
                "fee": item.fee, "delivery": "DELIVERED", "status": "SENT_AND_REDEEMABLE",
                "redeliveries": 0, "contact": None}  # fmt: skip
        record = {
            "kind": "campaign", "brand": item.id, "brand_codes": [item.id], "region": None,
            "currency": currency, "delivery_type": "GIFTBIT_EMAIL", "message": None,
            "subject": None, "expiry": None, "gift_template": None, "lines": [line],
        }  # fmt: skip
        return self._new(key, record)

    def _order(self, incoming: Incoming) -> Order:
        """By client id or by uuid."""
        given = incoming.path["id"]
        order = self.world.book.by_key(self.name, given) or self.world.book.by_id(self.name, given)
        if order is None:
            raise refuse(422, "ERROR_CAMPAIGN_NO_SUCH_CAMPAIGN", "No campaign with that id")
        return order

    def get_campaign(self, incoming: Incoming) -> Answer:
        campaign = shape.render(self._order(incoming))
        return Answer(200, {"info": info("INFO_CAMPAIGN_RETRIEVED"), "campaign": campaign})

    def links(self, incoming: Incoming) -> Answer:
        order = self._order(incoming)
        if order.doc["delivery_type"] == "GIFTBIT_EMAIL":
            raise refuse(422, "ERROR_LINKS_NOT_A_LINK_ORDER", "This order has no links")
        if order.state in ("pending", "awaiting_funds"):
            return Answer(200, {"info": info("INFO_LINKS_GENERATION_IN_PROGRESS")})
        short = order.doc["delivery_type"] == "SHORTLINK"
        rows = [
            {"number": n, ("shortlink" if short else "link"): _link(line)}
            for n, line in enumerate(order.lines, 1)
        ]
        body = {"info": info("INFO_LINKS"), ("shortlinks" if short else "directlinks"): rows}
        return Answer(200, body | {"number_of_results": len(rows), "limit": 50, "offset": 0,
                                   "total_count": len(rows)})  # fmt: skip

    # Money and catalogue

    def funds(self, incoming: Incoming) -> Answer:
        by_currency = {
            currency: {"available_in_cents": self.world.funds.available(self.name, currency),
                       "pending_in_cents": 0, "reserved_in_cents": 0}
            for currency in CURRENCIES
        }  # fmt: skip
        return Answer(200, {"info": info("INFO_FUNDS"), "fundsbycurrency": by_currency})

    def add_funds(self, incoming: Incoming) -> Answer:
        body = incoming.body if isinstance(incoming.body, dict) else {}
        amount, currency = body.get("fund_amount_in_cents"), body.get("currencyisocode")
        if not isinstance(amount, int) or amount <= 0 or currency not in CURRENCIES:
            raise refuse(400, "ERROR_FUNDS_INVALID_FUND_AMOUNT", "Invalid fund amount")
        self.world.funds.charge(self.name, str(currency), -amount)
        self.funded()
        return self.funds(incoming)

    def brands(self, incoming: Incoming) -> Answer:
        currency = incoming.query.get("currencyisocode")
        found = [
            shape.render_brand(item)
            for item in shape.BRANDS.values()
            if currency in (None, item.currency)
        ]
        body = {"info": info("INFO_BRANDS_RETRIEVED"), **page_of(incoming.query, "brands", found)}
        return Answer(200, body)

    def brand(self, incoming: Incoming) -> Answer:
        item = shape.BRANDS.get(incoming.path["id"].lower())
        if item is None:
            raise refuse(422, "ERROR_BRANDS_NO_SUCH_BRAND", "No brand found matching that code")
        brand = shape.render_brand(item, detailed=True)
        return Answer(200, {"brand": brand, "info": info("INFO_BRANDS_RETRIEVED")})

    def regions(self, incoming: Incoming) -> Answer:
        rows = [{"id": number, "name": name} for name, (number, _) in shape.REGIONS.items()]
        return Answer(200, {"regions": rows, "info": info("INFO_RETRIEVED_REGIONS")})


def _link(line: dict[str, Any]) -> str:
    return f"https://reward.giftbit.example/getReward/dl-{line['id']}"
