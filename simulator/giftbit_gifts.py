"""Giftbit's rewards: listed, resent, and cancelled until they are claimed."""

from typing import Any

from starlette.datastructures import QueryParams

from simulator import giftbit_order as shape
from simulator.book import Order
from simulator.giftbit_order import info, refuse
from simulator.provider import Answer, Call, Incoming
from simulator.world import World


class GiftbitGifts:
    def __init__(self, world: World) -> None:
        self.world = world

    def calls(self) -> list[Call]:
        return [
            Call("GET", "/gifts", self.gifts),
            Call("GET", "/gifts/{id}", self.get_gift),
            Call("PUT", "/gifts/{id}", self.resend),
            Call("DELETE", "/gifts/{id}", self.cancel),
        ]

    def _gift(self, incoming: Incoming) -> tuple[Order, dict[str, Any]]:
        order = self.world.book.by_line("giftbit", incoming.path["id"])
        if order is None or not order.issuing:
            raise refuse(422, "ERROR_GIFTS_NO_SUCH_GIFT", "No gift with that uuid")
        return order, next(line for line in order.lines if line["id"] == incoming.path["id"])

    def get_gift(self, incoming: Incoming) -> Answer:
        return _gift_answer("INFO_GIFTS", *self._gift(incoming))

    def gifts(self, incoming: Incoming) -> Answer:
        """Newest first unless `order=asc`; an order has gifts once it is created."""
        query = incoming.query
        since = query.get("created_date_greater_than")
        until = query.get("created_date_less_than")
        orders = self.world.book.listing(
            "giftbit",
            shape.from_pacific(since) if since else 0.0,
            shape.from_pacific(until) if until else 1e12,
        )
        names = ("uuid", "campaign_id", "campaign_uuid", "status", "delivery_status")
        wanted = {name: query[name] for name in names if name in query}
        found = [
            gift
            for order in orders
            if order.state in ("issued", "cancelled") and order.status == "CAMPAIGN_CREATED"
            for gift in (shape.render_gift(order, line) for line in order.lines)
            if all(gift[name] == value for name, value in wanted.items())
        ]
        if query.get("order") == "asc":
            found.reverse()
        page = page_of(query, "gifts", found)
        return Answer(200, {"info": info("INFO_GIFTS"), "status": 200, **page})

    def resend(self, incoming: Incoming) -> Answer:
        order, line = self._gift(incoming)
        wanted = incoming.body.get("resend") if isinstance(incoming.body, dict) else None
        if wanted is not True or order.doc["kind"] == "embedded" or order.state != "issued":
            raise refuse(422, "ERROR_GIFTS_NOT_RESENT", "This gift cannot be resent")
        line["redeliveries"] += 1
        line["delivery"], order.delivery, order.settled = "UNSENT", "UNSENT", False
        self.world.book.save(order)
        self.world.changed.set()
        return _gift_answer("INFO_GIFTS_RESENT", order, line)

    def cancel(self, incoming: Incoming) -> Answer:
        """Until it is claimed, and an embedded gift is claimed at once."""
        order, line = self._gift(incoming)
        if line["status"] != "SENT_AND_REDEEMABLE" or order.doc["kind"] == "embedded":
            raise refuse(422, "ERROR_GIFTS_NOT_CANCELLED", "This gift cannot be cancelled")
        with self.world.db.transaction():
            line["status"] = "GIVER_CANCELLED"
            self.world.funds.charge("giftbit", order.currency, -line["cost"])
            if all(line["status"] == "GIVER_CANCELLED" for line in order.lines):
                order.state, order.settled = "cancelled", True
            self.world.book.save(order)
        return _gift_answer("INFO_GIFTS_CANCELED", order, line)


def _gift_answer(code: str, order: Order, line: dict[str, Any]) -> Answer:
    gift = shape.render_gift(order, line)
    return Answer(200, {"gift": gift, "info": info(code), "status": 200})


def page_of(query: QueryParams, name: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    try:
        limit, offset = int(query.get("limit", "20")), int(query.get("offset", "0"))
    except ValueError as error:
        raise refuse(400, "ERROR_BAD_REQUEST", "limit and offset are whole numbers") from error
    shown = rows[offset : offset + limit]
    return {name: shown, "number_of_results": len(shown), "limit": limit, "offset": offset,
            "total_count": len(rows)}  # fmt: skip
