"""Tremendous' side of the money: the balance, and the transactions that moved it."""

from typing import Any

from simulator import tremendous_order as shape
from simulator.book import Order, iso
from simulator.provider import Answer, Call, Incoming, major
from simulator.tremendous_order import refuse
from simulator.tremendous_paging import page, time_of
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
