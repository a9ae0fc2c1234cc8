"""The book: every order that a provider has accepted, and its cards."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from sqlite3 import Row
from typing import Any

from simulator.database import Database

ISSUING = ("pending", "issued", "cancelled")
"""A card is promised, exists, or existed; `failed` and `awaiting_funds` have none."""


@dataclass(slots=True)
class Order:
    """One order as its provider knows it.

    `state` is the judge's word (pending, issued, failed, cancelled, awaiting_funds); `status` and
    `delivery` are the provider's own words, shown to its callers as they stand. Amounts are minor
    units; `created_at` is Unix seconds. `doc` holds what only that provider needs, and `lines`:
    `[{"amount": face value of one card, "cost": what it costs us, "quantity": n, ...}]`."""

    provider: str
    id: str
    key: str
    state: str
    status: str
    delivery: str
    currency: str
    created_at: float
    settled: bool = False
    doc: dict[str, Any] = field(default_factory=dict)
    seq: int = 0

    @property
    def lines(self) -> list[dict[str, Any]]:
        lines: list[dict[str, Any]] = self.doc["lines"]
        return lines

    @property
    def issuing(self) -> bool:
        """Whether a card exists or is promised. A tampered order always counts as one."""
        return self.state in ISSUING or bool(self.doc.get("tampered"))

    @property
    def face(self) -> int:
        """Face value of all its cards, minor units."""
        return sum(line["amount"] * line["quantity"] for line in self.lines)

    @property
    def charged(self) -> int:
        """What all its cards cost us, minor units."""
        return sum(line["cost"] * line["quantity"] for line in self.lines)

    def cards(self) -> list[dict[str, Any]]:
        """One row per card, as `GET /_control/book` shows it."""
        row = {
            "provider": self.provider,
            "key": self.key,
            "provider_order_id": self.id,
            "currency": self.currency,
            "state": self.state,
            "status": self.status,
            "delivery": self.delivery,
            "charged_currency": self.doc.get("charged_currency", self.currency),
            "created_at": iso(self.created_at),
        }
        return [
            row | {"amount": line["amount"], "charged": line["cost"]}
            for line in self.lines
            for _ in range(line["quantity"])
        ]


class Book:
    """Orders in SQLite. Callers open the transaction."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def add(self, order: Order) -> None:
        cursor = self._db.execute(
            "INSERT INTO orders (provider, id, key, state, status, delivery, currency, created_at,"
            " settled, doc) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                order.provider, order.id, order.key, order.state, order.status, order.delivery,
                order.currency, order.created_at, order.settled,
                encode(order.doc),
            ),
        )  # fmt: skip
        order.seq = int(cursor.lastrowid or 0)

    def save(self, order: Order) -> None:
        """Store what may change after creation."""
        self._db.execute(
            "UPDATE orders SET state = ?, status = ?, delivery = ?, settled = ?, doc = ?"
            " WHERE seq = ?",
            (
                order.state, order.status, order.delivery, order.settled,
                encode(order.doc), order.seq,
            ),
        )  # fmt: skip

    def remove(self, order: Order) -> None:
        self._db.execute("DELETE FROM orders WHERE seq = ?", (order.seq,))

    def reopen(self, provider: str | None) -> None:
        """Make the delivery look again at orders that an outcome has left pending."""
        self._db.execute(
            "UPDATE orders SET settled = 0"
            " WHERE state = 'pending' AND provider = coalesce(?, provider)",
            (provider,),
        )

    def by_id(self, provider: str, order_id: str) -> Order | None:
        return self._first("provider = ? AND id = ?", (provider, order_id))

    def by_key(self, provider: str, key: str) -> Order | None:
        """The first order under that key; a tampered book may contain several."""
        return self._first("provider = ? AND key = ?", (provider, key))

    def newest_by_key(self, provider: str, key: str) -> Order | None:
        found = self.all_by_key(provider, key)
        return found[-1] if found else None

    def all_by_key(self, provider: str, key: str) -> list[Order]:
        return self._list("provider = ? AND key = ?", (provider, key))

    def by_line(self, provider: str, line_id: str) -> Order | None:
        """The order with that line. A scan: only rare calls identify a line by its own id."""
        where = "provider = ? AND instr(doc, ?) > 0"
        return self._first(where, (provider, json.dumps({"id": line_id})[1:-1]))

    def listing(self, provider: str, since: float = 0.0, until: float = 1e12) -> list[Order]:
        """Orders created in [since, until), newest first."""
        where = "provider = ? AND created_at >= ? AND created_at < ?"
        return self._list(where, (provider, since, until))[::-1]

    def page(self, provider: str, offset: int, limit: int) -> tuple[list[Order], int]:
        """One page, newest first, and the number of all orders."""
        rows = self._db.execute(
            "SELECT * FROM orders WHERE provider = ? ORDER BY seq DESC LIMIT ? OFFSET ?",
            (provider, limit, offset),
        )
        orders = [_order(row) for row in rows]
        count = self._db.execute("SELECT count(*) FROM orders WHERE provider = ?", (provider,))
        return orders, int(count.fetchone()[0])

    def beside(
        self, provider: str, after: int | None, before: int | None, limit: int
    ) -> list[Order]:
        """Newest first: the page older than the order at `after`, or newer than `before`."""
        where = "provider = ? AND seq < ? AND seq > ?"
        order = "seq" if before is not None else "seq DESC"
        rows = self._db.execute(
            f"SELECT * FROM orders WHERE {where} ORDER BY {order} LIMIT ?",  # noqa: S608 - constants
            (provider, after or 2**62, before or 0, limit),
        )
        return sorted((_order(row) for row in rows), key=lambda order: -order.seq)

    def everything(self, provider: str | None) -> list[Order]:
        return self._list("provider = ?", (provider,)) if provider else self._list("1 = 1", ())

    def in_state(self, provider: str, state: str) -> list[Order]:
        return self._list("provider = ? AND state = ?", (provider, state))

    def unsettled(self, provider: str, created_until: float, limit: int) -> list[Order]:
        where = "provider = ? AND settled = 0 AND created_at <= ?"
        return self._list(where, (provider, created_until), limit)

    def oldest_unsettled(self, provider: str) -> float | None:
        row = self._db.execute(
            "SELECT min(created_at) FROM orders WHERE provider = ? AND settled = 0", (provider,)
        ).fetchone()
        return None if row[0] is None else float(row[0])

    def _first(self, where: str, parameters: tuple[str | float, ...]) -> Order | None:
        found = self._list(where, parameters, 1)
        return found[0] if found else None

    def _list(
        self, where: str, parameters: tuple[str | float | None, ...], limit: int = -1
    ) -> list[Order]:
        sql = f"SELECT * FROM orders WHERE {where} ORDER BY seq LIMIT ?"  # noqa: S608 - constants
        return [_order(row) for row in self._db.execute(sql, (*parameters, limit))]


def encode(value: Any) -> str:
    """JSON; a decimal that a caller sent in place of text becomes a number again."""
    return json.dumps(value, default=float)


def iso(at: float) -> str:
    """RFC 3339 in UTC with milliseconds."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _order(row: Row) -> Order:
    fields = dict(row)
    fields["settled"] = bool(fields["settled"])
    fields["doc"] = json.loads(fields["doc"])
    return Order(**fields)
