"""Finds orders of ours that the staged lines do not show, for a provider that does not list
orders."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from store.database import Database
from store.reconciliation import runs
from store.reconciliation.bulk import bulk
from store.reconciliation.compare import ORDERS, REACH
from store.reconciliation.staging import table_of


class Lacking(NamedTuple):
    """An order that the provider should know, but has no line for in its book."""

    key: str
    currency: str
    first_sent_at: datetime


_LACKING = """
SELECT o.key, o.currency, o.first_sent_at FROM ({orders}) o
WHERE o.state IN ('unknown', 'pending', 'issued')
  AND NOT EXISTS (SELECT FROM {lines} l WHERE l.key = o.key)
  AND NOT EXISTS (SELECT FROM {lines} l WHERE l.provider_order_id = o.provider_order_id)
ORDER BY o.first_sent_at, o.key LIMIT $5
"""


async def orders_without_line(
    database: Database, reconciliation_id: str, *, most: int
) -> list[Lacking]:
    """The oldest `most` of the run's orders without a line."""
    run = await database.read(runs.find, reconciliation_id)
    statement = _LACKING.format(orders=ORDERS, lines=table_of(reconciliation_id))
    async with bulk(database) as connection:
        found = await connection.fetch(statement, run.provider, run.since, run.until, REACH, most)
    return [Lacking(**row) for row in found]
