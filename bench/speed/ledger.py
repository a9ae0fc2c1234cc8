"""`make bench-ledger`: how fast balances are read at ten million ledger entries.

Loads a scratch PostgreSQL with entries of 150 days, in campaigns and wallets, sums them by the
product's own rounds, and times its queries beside a plain GROUP BY, in the same run."""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import Any

import asyncpg

from cli.stack import postgres
from store import migrate
from store.database import Database, ReadSession, now
from store.ledger import reports
from store.ledger.balances import Which, balances, totals
from store.ledger.reports import Row
from store.ledger.rollup import sum_up
from store.ledger.transactions import Filters, transactions
from store.lists.pages import Window

DAYS = 150
_LOAD = """
    INSERT INTO ledger_entries (xid, transaction_id, at, kind, subject, account, amount, currency)
    SELECT n / 10 - $2, 'txn_' || lpad((n / 2)::text, 26, '0'),
           now() - make_interval(secs => ($1 - n) * $3::float8), 'load', (n / 2)::text,
           CASE n % 4
               WHEN 0 THEN 'campaign/' || (n / 4) % 50 || '/available'
               WHEN 1 THEN CASE n / 200 % 2
                   WHEN 0 THEN 'campaign/' || (n / 4) % 50 || '/reserved'
                   ELSE 'liability/' || (n / 4) % 50
               END
               WHEN 2 THEN 'wallets/issued'
               ELSE 'wallet/cust_' || (n / 4) % 500000
           END,
           CASE n % 2 WHEN 0 THEN -100 ELSE 100 END, 'USD'
    FROM generate_series($4::bigint, $5::bigint) AS n
"""
_CAMPAIGNS = """
    INSERT INTO campaigns (id, name, type, join_once, active, version, attributes, created_at)
    SELECT n, n, 'AUTO_UPDATE', true, true, 1, '{}', now() FROM generate_series(0, 49) AS n
"""
_BUDGETS = """
    INSERT INTO budgets (campaign_id, currency, reserved, committed)
    SELECT id, 'USD', 0, 0 FROM campaigns
"""
_INDEXES = """
    SELECT indexname, indexdef FROM pg_indexes
    WHERE tablename = 'ledger_entries' AND indexname NOT LIKE 'pk%'
"""
_PLAIN = "SELECT account, currency, sum(amount) FROM ledger_entries GROUP BY account, currency"


async def measure(url: str, entries: int) -> None:
    """Load, sum up, and print how long each query takes."""
    connection, database = await asyncpg.connect(url), Database(url)
    try:
        await _say("load", lambda: _load(connection, entries))
        await _say("sum up", lambda: sum_up(database))
        await connection.execute("VACUUM ANALYZE")
        plain = await _say("plain GROUP BY of every entry", lambda: connection.fetch(_PLAIN))
        for name, ask in _questions().items():
            # Once to warm up: a statement is compiled and its pages are read only the first time.
            await _reading(database, ask)
            took = await _say(name, partial(_reading, database, ask))
            print(f"    {plain / took:,.0f} times as fast as the plain GROUP BY")
    finally:
        await database.dispose()
        await connection.close()


def _questions() -> dict[str, Callable[[ReadSession], Awaitable[Any]]]:
    past = now() - timedelta(days=DAYS / 3)
    campaign = "campaign/17/"
    wallet = "wallet/cust_4711"
    return {
        "a page of balances": lambda s: balances(s, Which(limit=100)),
        "one campaign's": lambda s: balances(s, Which(account=campaign)),
        "one campaign's, 50 days ago": lambda s: balances(s, Which(account=campaign, at=past)),
        "one wallet's": lambda s: balances(s, Which(account=wallet)),
        "the sum per currency": totals,
        "the sum per currency, 50 days ago": lambda s: totals(s, past),
        "liability": lambda s: _all(reports.liability(s, None)),
        "liability, 50 days ago": lambda s: _all(reports.liability(s, past)),
        "spend against budget": lambda s: _all(reports.stream(s, reports.BUDGETS)),
        "a wallet's transactions": lambda s: transactions(s, Window(10), Filters(account=wallet)),
    }


async def _all(rows: AsyncIterator[Row]) -> list[Row]:
    return [row async for row in rows]


async def _load(connection: asyncpg.Connection[Any], entries: int, part: int = 500_000) -> None:
    """Load without the indexes that balances do not use; the others are built afterwards."""
    await connection.execute("ALTER TABLE ledger_entries SET UNLOGGED")
    await connection.execute(
        f"ALTER TABLE ledger_entries DROP CONSTRAINT {await _unique(connection)}"
    )
    await connection.execute(_CAMPAIGNS)
    await connection.execute(_BUDGETS)
    indexes = await connection.fetch(_INDEXES)
    for index in indexes:
        await connection.execute(f"DROP INDEX {index['indexname']}")
    apart = DAYS * 86_400 / entries
    for first in range(0, entries, part):
        last = min(first + part, entries) - 1
        await connection.execute(_LOAD, entries, entries // 10 + 1, apart, first, last)
    for index in indexes:
        await connection.execute(index["indexdef"])


async def _unique(connection: asyncpg.Connection[Any]) -> str:
    found = await connection.fetchval(
        "SELECT conname FROM pg_constraint"
        " WHERE conrelid = 'ledger_entries'::regclass AND contype = 'u'"
    )
    return str(found)


async def _reading(database: Database, ask: Callable[[ReadSession], Awaitable[Any]]) -> None:
    await database.read(ask)


async def _say(what: str, act: Callable[[], Awaitable[Any]]) -> float:
    began = time.perf_counter()
    await act()
    took = time.perf_counter() - began
    print(f"{what}: {took * 1000:,.0f} ms", flush=True)
    return took


def main() -> None:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000, help="entries")
    entries = parser.parse_args().rows
    with postgres.temporary() as url:
        migrate.upgrade(url)
        asyncio.run(measure(url, entries))


if __name__ == "__main__":
    main()
