"""One order in three books, put there line by line, and the run that files it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from domain import ledger
from domain.ids import Prefix, new_id
from domain.money import Money
from domain.reconciliation import Line
from store.database import Database, now
from store.reconciliation import runs, staging
from store.reconciliation.bulk import bulk
from store.reconciliation.compare import MARGIN, Scope, compare
from store.tables import Grant, Order, ReconciliationItem
from tests.builders import add_grant, alter, one, rows

PROVIDER = "tremendous"
DAY = timedelta(days=1)
LINE = Line("gdk1g1", "P1", "issued", 1500, "USD", 1545, "USD", None)


def usd(amount: int) -> Money:
    return Money(amount=amount, currency="USD")


class Case:
    """A run over the five days before yesterday, and one order in it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.until = now() - DAY
        self.since = self.until - 5 * DAY

    async def order(
        self, *, charged: int | None = 1545, grant: Grant | None = None, **changes: Any
    ) -> Order:
        """Issued two days before the end, committed in its budget, and its charge booked, unless
        `charged` is None. Of a grant of its own unless `grant` is given, which waits for its
        delivery."""
        at = self.until - 2 * DAY
        grant = grant or await add_grant(self.database)
        given: dict[str, Any] = {
            "id": new_id(Prefix.ORDER),
            "grant_id": grant.id,
            "provider": PROVIDER,
            "key": "gdk1g1",
            "generation": 1,
            "fingerprint": "f",
            "hook_token": "t",
            "face_amount": 1500,
            "currency": "USD",
            "state": "issued",
            "provider_order_id": "P1",
            "first_sent_at": at,
            "issued_at": at,
            "created_at": at,
            "updated_at": at,
        }
        order = Order(**given | changes)
        async with self.database.transaction() as tx:
            tx.session.add(order)
            if order.state == "issued":
                tx.post(ledger.commit(grant.campaign_id, order.id, usd(1500)))
            if charged is not None:
                tx.post(*ledger.charge(PROVIDER, order.id, usd(1500), usd(charged)))
        return order

    async def grant_of(self, order: Order, **columns: Any) -> Grant:
        """The order's grant, with these columns set behind the product's back."""
        grant = await one(self.database, Grant, id=order.grant_id)
        if columns:
            await alter(self.database, grant, **columns)
        return grant

    async def post(self, *postings: ledger.Posting) -> None:
        async with self.database.transaction() as tx:
            tx.post(*postings)

    async def filed(self, *lines: Line) -> list[str]:
        """How the run files it; nothing when it is matched."""
        async with self.database.transaction() as tx:
            run = runs.create(tx, runs.NewRun(PROVIDER, self.since, self.until))
        async with bulk(self.database) as connection:
            await staging.create(connection, run.id)
            await staging.copy(connection, run.id, 0, lines)
        read_until = self.until + MARGIN
        scope = Scope(run.id, PROVIDER, self.since, self.until, read_until, now())
        totals = await compare(self.database, scope)
        items = await rows(self.database, ReconciliationItem, reconciliation_id=run.id)
        assert sum(totals.values()) - totals["matched"] == len(items)
        return sorted(item.filed for item in items)
