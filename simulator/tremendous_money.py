"""Tremendous' side of the money: the balance, and the transactions that moved it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from simulator import tremendous_order as shape
from simulator.book import Order, iso
from simulator.provider import Answer, Call, Incoming, major
from simulator.tremendous_order import refuse
from simulator.world import World

BALANCE_ID = "BALANCE00001"


class TremendousMoney:
    def __init__(self, world: World) -> None:
        self.world = world

    def calls(self) -> list[Call]:
        return [
            Call("GET", "/funding_sources", self.funding_sources),
            Call("GET", "/funding_sources/{id}", self.funding_source),
            Call("GET", "/balance_transactions", self.balance_transactions),
        ]

    def _balance(self) -> dict[str, Any]:
        available = self.world.funds.available("tremendous", "USD")
        meta = {"available_amount": major(available), "available_cents": available,
                "pending_amount": 0, "pending_cents": 0, "currency_code": "USD"}  # fmt: skip
        return {"id": BALANCE_ID, "method": "balance", "status": "active", "meta": meta}

    def funding_sources(self, incoming: Incoming) -> Answer:
        return Answer(200, {"funding_sources": [self._balance()]})

    def funding_source(self, incoming: Incoming) -> Answer:
        if incoming.path["id"].upper() not in ("BALANCE", BALANCE_ID):
            raise refuse(404, "Funding source not found")
        return Answer(200, {"funding_source": self._balance()})

    def balance_transactions(self, incoming: Incoming) -> Answer:
        """Charges and refunds, newest first, each with the balance after it."""
        balance = self.world.funds.available("tremendous", "USD")
        shown = []
        for at, amount, order in _movements(self.world.book.listing("tremendous")):
            shown.append((at, _transaction(at, amount, balance, order)))
            balance -= amount
        since, until = (
            time_of(incoming, "created_at[gte]", 0.0),
            time_of(incoming, "created_at[lte]"),
        )
        found = [transaction for at, transaction in shown if since <= at < until]
        return page(incoming, "transactions", found, dict)


def _movements(orders: list[Order]) -> list[tuple[float, int, Order]]:
    """(Unix seconds, minor units, order), newest first."""
    paid = [order for order in orders if not order.doc["source"].startswith("INVOICE")]
    charges = [(order.created_at, -order.charged, order) for order in paid]
    refunds = [
        (order.doc["refunded_at"], order.charged, order)
        for order in paid
        if "refunded_at" in order.doc
    ]
    return sorted(charges + refunds, key=lambda movement: movement[0], reverse=True)


def _transaction(at: float, amount: int, balance: int, order: Order) -> dict[str, Any]:
    return {
        "created_at": iso(at),
        "amount": major(amount),
        "currency_code": "USD",
        "balance": major(balance),
        "action": "Order" if amount < 0 else "Refund",
        "description": f"Order {order.id}",
        "order": {
            "id": order.id,
            "external_id": order.key or None,
            "payment": shape.payment(order),
        },
    }


def time_of(incoming: Incoming, name: str, default: float = 1e12) -> float:
    """A query time as Unix seconds; an upper one counts itself in."""
    text = incoming.query.get(name)
    if text is None:
        return default
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise refuse(400, f"{name} is not a time") from error
    seconds = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    return seconds + 0.001 if name.endswith("[lte]") else seconds


def page(
    incoming: Incoming, name: str, rows: list[Any], render: Callable[[Any], dict[str, Any]]
) -> Answer:
    """10 rows unless told otherwise, never more than 500."""
    try:
        offset = int(incoming.query.get("offset", "0"))
        limit = int(incoming.query.get("limit", "10"))
    except ValueError as error:
        raise refuse(400, "offset and limit are whole numbers") from error
    if offset < 0 or not 1 <= limit <= 500:
        raise refuse(400, "limit is 1 to 500")
    shown = [render(row) for row in rows[offset : offset + limit]]
    return Answer(200, {name: shown, "total_count": len(rows)})
