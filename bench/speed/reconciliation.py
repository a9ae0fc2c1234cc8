"""`python -m bench.speed.reconciliation --rows 1000000`: that many orders reconciled against as
many lines, beside the plainest things PostgreSQL can do, in one run: a join of the orders with the
lines, and a join of all the books that are compared, grants and ledger too.

Each is measured in wall-clock time and in CPU time of its own PostgreSQL backend; on a machine
that does other things too, the second is the one to compare. Exits 1 when the comparison takes more
than `MOST` times the CPU of the plain join of the same books."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import md5
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from rich.console import Console
from rich.table import Table
from temporalio.testing import ActivityEnvironment

from activities.reconciliation import BATCH, BookActivities, ComparisonActivities
from cli.stack import postgres
from domain.money import Money
from domain.orders import DeliveryState, OrderSnapshot, OrderState
from domain.reconciliation import Line
from store import migrate
from store.database import Database
from store.reconciliation import runs, staging
from store.reconciliation.bulk import bulk
from store.reconciliation.compare import compare_in

PROVIDER = "tremendous"
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
END = datetime(2026, 12, 1, tzinfo=UTC)
KNOWN = {"amount_mismatch": 3, "state_mismatch": 2, "missing_at_provider": 4, "unknown_to_us": 5}
"""Differences that are planted: a comparison that finds nothing must not be measured."""
MOST = 2.0
"""Exit status 1 beyond this many times the CPU of the plain join of the same books."""

_CAMPAIGN = """
INSERT INTO campaigns (id, name, type, join_once, active, version, attributes, created_at)
VALUES ('camp_' || repeat('0', 26), 'bench', 'AUTO_UPDATE', true, true, 1, '{}', now())
"""
# Foreign keys and triggers are left out: neither reads them.
_ORDERS = """
INSERT INTO orders (id, grant_id, provider, key, generation, fingerprint, hook_token, face_amount,
    charged_amount, charged_currency, currency, state, delivery_state, redemption_state,
    provider_order_id, attempt, repeats, first_sent_at, issued_at, created_at, updated_at)
SELECT 'ord_' || lpad(n::text, 26, '0'), 'gr_' || lpad(n::text, 26, '0'), $2, 'gd' || md5(n::text),
    1, md5(n::text), md5('t' || n), 1500, 1545, 'USD', 'USD', 'issued', 'delivered', 'unknown',
    'P' || n, 1, 0, t, t, t, t
FROM generate_series(1, $1::int) n, LATERAL (SELECT $3::timestamptz + n * interval '20 s' AS t) x
"""
_GRANTS = """
INSERT INTO grants (id, referral_id, campaign_id, reason, recipient_id, ordinal, role, kind, reward,
    amount, currency, status, workflow_id, created_at, updated_at)
SELECT 'gr_' || lpad(n::text, 26, '0'), 'ref_' || lpad(n::text, 26, '0'),
    'camp_' || repeat('0', 26),
    'tier_every', 'cust_' || lpad(n::text, 26, '0'), 1, 'referrer', 'gift_card',
    jsonb_build_object('kind', 'gift_card', 'provider', $2::text, 'product_id', 'OKMHM2X2OHYV',
        'amount', 1500, 'currency', 'USD', 'delivery', 'email'),
    1500, 'USD', 'delivered', 'referral:' || md5(n::text), t, t
FROM generate_series(1, $1::int) n, LATERAL (SELECT $3::timestamptz + n * interval '20 s' AS t) x
"""
_LEDGER = """
INSERT INTO ledger_entries (transaction_id, at, kind, subject, account, amount, currency)
SELECT 'txn_' || lpad(n::text, 26, '0'), $3::timestamptz + n * interval '20 s', e.kind,
    'ord_' || lpad(n::text, 26, '0'), replace(replace(e.account, '{p}', 'provider/' || $2),
    '{c}', 'camp_' || repeat('0', 26)), e.amount, 'USD'
FROM generate_series(1, $1::int) n, (VALUES
    ('commit', 'campaign/{c}/reserved', -1500), ('commit', 'campaign/{c}/committed', 1500),
    ('charge', '{p}/deposit', -1500), ('charge', '{p}/cards', 1500),
    ('fee', '{p}/deposit', -45), ('fee', '{p}/fees', 45),
    ('spend', 'campaign/{c}/committed', -1500), ('spend', 'campaign/{c}/spent', 1500),
    ('spend', 'liability/{c}', -1500), ('spend', 'rewards/{c}/delivered', 1500)
) e(kind, account, amount)
"""
_JOIN = """
CREATE TABLE joined AS
SELECT o.*, l.provider_order_id AS line_id, l.state AS line_state, l.face, l.charged
FROM (SELECT id, grant_id, key, provider_order_id, state, face_amount, currency, first_sent_at,
             issued_at, updated_at FROM orders WHERE provider = '{provider}') o
FULL OUTER JOIN {lines} l ON l.key = o.key
"""
# An order has ten entries, and most of them are at accounts that are compared.
_JOIN_ALL = """
CREATE TABLE joined AS
SELECT o.*, l.provider_order_id AS line_id, l.state AS line_state, l.face, l.charged,
       g.status, g.amount AS promised, g.currency AS promised_currency, b.booked
FROM (SELECT id, grant_id, key, provider_order_id, state, face_amount, currency, first_sent_at,
             issued_at, updated_at FROM orders WHERE provider = '{provider}') o
FULL OUTER JOIN {lines} l ON l.key = o.key
LEFT JOIN grants g ON g.id = o.grant_id
LEFT JOIN (SELECT subject, sum(amount) AS booked FROM ledger_entries
           WHERE account LIKE 'provider/{provider}/%' OR account LIKE 'campaign/%/spent'
           GROUP BY subject) b ON b.subject = o.id
"""


class Book:
    """A provider with a known book, in place of an adapter: it lists as many orders as asked
    for."""

    name = PROVIDER
    capabilities = SimpleNamespace(lists_by_date=False, lists_rewards=False)

    def __init__(self, rows: int) -> None:
        self._rows = rows

    async def list_orders(self, since: datetime, until: datetime) -> AsyncIterator[OrderSnapshot]:
        """Every order except those planted as missing, then the unknown ones."""
        strangers = KNOWN["unknown_to_us"]
        for n in range(1 + KNOWN["missing_at_provider"], self._rows + strangers + 1):
            yield _told(n, stranger=n > self._rows)


def _told(n: int, *, stranger: bool) -> OrderSnapshot:
    first = n - KNOWN["missing_at_provider"]
    wrong = first <= KNOWN["amount_mismatch"]
    gone = KNOWN["amount_mismatch"] < first <= KNOWN["amount_mismatch"] + KNOWN["state_mismatch"]
    key = md5(str(n).encode(), usedforsecurity=False).hexdigest()
    return OrderSnapshot(
        provider_order_id=f"P{n}",
        key=f"stranger{n}" if stranger else f"gd{key}",
        state=OrderState.CANCELLED if gone else OrderState.ISSUED,
        delivery=DeliveryState.DELIVERED,
        raw_status="EXECUTED",
        face=Money(amount=1400 if wrong else 1500, currency="USD"),
        charged=Money(amount=1545, currency="USD"),
        created_at=BEGIN + timedelta(seconds=20 * min(n, 1_000_000)),
    )


class Took:
    """Seconds of one measured step: by the clock, and of its backend's CPU."""

    def __init__(self) -> None:
        self.wall = self.cpu = 0.0


@contextmanager
def _measured(pid: int) -> Iterator[Took]:
    took, began, used = Took(), time.perf_counter(), _cpu(pid)
    yield took
    took.wall, took.cpu = time.perf_counter() - began, _cpu(pid) - used


def _cpu(pid: int) -> float:
    """CPU seconds of a process, from Linux."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _lines(rows: int) -> list[Line]:
    """The lines of the provider's book, ready to be staged."""

    async def read() -> list[Line]:
        return [staging.line_of(order) async for order in Book(rows).list_orders(BEGIN, END)]

    return asyncio.run(read())


async def _fill(connection: Any, rows: int) -> None:
    await connection.execute("SET session_replication_role = replica")
    await connection.execute(_CAMPAIGN)
    for statement in (_GRANTS, _ORDERS, _LEDGER):
        await connection.execute(statement, rows, PROVIDER, BEGIN)
    await connection.execute("ANALYZE")


async def _new_run(database: Database) -> str:
    async with database.transaction() as tx:
        return runs.create(tx, runs.NewRun(PROVIDER, BEGIN, END)).id


async def _stage(connection: Any, run_id: str, lines: list[Line]) -> None:
    """Stage them as the activity does: in batches, each in one transaction with the progress."""
    for at in range(0, len(lines), BATCH):
        async with connection.transaction():
            await staging.copy(connection, run_id, 0, lines[at : at + BATCH])
            await runs.note_progress(connection, run_id, lines=at)


async def _side_by_side(url: str, rows: int, lines: list[Line], rounds: int) -> dict[str, Took]:
    """Compare staging with bare COPY, and the comparison with the plain join; the best of each."""
    database = Database(url, pool=2)
    async with bulk(database) as connection:
        await _fill(connection, rows)
        run_id, pid = await _new_run(database), connection.get_server_pid()
        table = staging.table_of(run_id)
        await staging.create(connection, run_id)
        await connection.execute(f"CREATE TABLE bare (LIKE {table})")
        with _measured(pid) as bare:
            await connection.copy_records_to_table(
                "bare", records=((0, *line) for line in lines), columns=staging.COLUMNS
            )
        with _measured(pid) as staged:
            await _stage(connection, run_id, lines)
        joins: list[Took] = []
        joins_of_all: list[Took] = []
        compares: list[Took] = []
        scope = await runs.scope_of(database, run_id)
        for _ in range(rounds):
            for statement, plain in ((_JOIN, joins), (_JOIN_ALL, joins_of_all)):
                with _measured(pid) as join:
                    await connection.execute(statement.format(provider=PROVIDER, lines=table))
                await connection.execute("DROP TABLE joined")
                plain.append(join)
            with _measured(pid) as compare:
                totals = await compare_in(connection, scope)
            _check(totals, rows)
            compares.append(compare)
    await database.dispose()
    return {
        "bare COPY": bare,
        "staging": staged,
        "FULL OUTER JOIN": min(joins, key=lambda took: took.cpu),
        "… of all the books": min(joins_of_all, key=lambda took: took.cpu),
        "comparison": min(compares, key=lambda took: took.cpu),
    }


def _check(totals: dict[str, int], rows: int) -> None:
    found = {word: count for word, count in totals.items() if count and word != "matched"}
    wrong = sum(KNOWN.values()) - KNOWN["unknown_to_us"]
    if found != KNOWN or totals["matched"] != rows - wrong:
        raise SystemExit(f"the comparison is wrong: {totals}")


async def _work(url: str, rows: int) -> None:
    """A worker's part of one run, by its own activities; prints totals and peak memory."""
    database = Database(url, pool=4)
    async with bulk(database) as connection:
        await _fill(connection, rows)
    run_id = await _new_run(database)
    lane: Any = SimpleNamespace(database=database, provider=Book(rows))
    await ActivityEnvironment().run(BookActivities(lane, 1e9).stage_orders, run_id)
    totals = await ActivityEnvironment().run(ComparisonActivities(database).compare_books, run_id)
    await database.dispose()
    _check(totals, rows)
    print(json.dumps({"peak_kb": _own_peak()}))


def _own_peak() -> int:
    """The peak memory of this program alone: getrusage also counts what the process was before
    exec."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


def _peak(rows: int) -> float:
    """The most MB that a process needs for a worker's part."""
    with postgres.temporary() as url:
        migrate.upgrade(url)
        command = [
            sys.executable,
            "-m",
            "bench.speed.reconciliation",
            "--work",
            url,
            "--rows",
            str(rows),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    return float(json.loads(done.stdout.splitlines()[-1])["peak_kb"]) / 1024


def main() -> None:
    """Measure, and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--small", type=int, default=10_000, help="for the worker's memory")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--work", metavar="URL", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        asyncio.run(_work(given.work, given.rows))
        return
    with postgres.temporary() as url:
        migrate.upgrade(url)
        lines = _lines(given.rows)
        took = asyncio.run(_side_by_side(url, given.rows, lines, given.rounds))
    del lines
    _report(given.rows, took, {rows: _peak(rows) for rows in (given.small, given.rows)})
    ratio = _ratios(took, *_STEPS[-1])[1]
    if ratio > MOST:
        raise SystemExit(
            f"the comparison takes {ratio:.2f} times the plain join's CPU, over {MOST}"
        )


_STEPS = (
    ("bare COPY", "staging"),
    ("FULL OUTER JOIN", "comparison"),
    ("… of all the books", "comparison"),
)


def _ratios(took: dict[str, Took], base: str, step: str) -> tuple[float, float]:
    """By the clock, and of CPU."""
    return took[step].wall / took[base].wall, took[step].cpu / took[base].cpu


def _report(rows: int, took: dict[str, Took], peaks: dict[int, float]) -> None:
    console = Console()
    heads = ("step", "wall s", "CPU s", "ratio (wall)", "ratio (CPU)")
    table = Table(*heads, title=f"{rows:,} orders and lines")
    for base, step in _STEPS:
        wall, cpu = _ratios(took, base, step)
        table.add_row(base, f"{took[base].wall:.2f}", f"{took[base].cpu:.2f}", "1.00", "1.00")
        table.add_row(
            step, f"{took[step].wall:.2f}", f"{took[step].cpu:.2f}", f"{wall:.2f}", f"{cpu:.2f}"
        )
    console.print(table)
    for count, peak in peaks.items():
        console.print(f"worker's peak memory at {count:,}: {peak:.0f} MB")


if __name__ == "__main__":
    main()
