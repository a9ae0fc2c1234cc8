"""Checks the counters against the rows that they count, and repairs them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from store.counts.fold import LOCK
from store.database import Database

_SETTINGS = {
    "jit": "off",
    "timezone": "UTC",
    "lock_timeout": "3000",
    "work_mem": "128MB",
    "application_name": "guerdon-counts",
}
_SHOWN = 20
"""How many differences are named. More of them would say nothing new."""


class Counter(NamedTuple):
    """A table of sums: its `key`, its `sums`, and the SQL that gives the key and the sums of each
    counted row."""

    table: str
    key: tuple[str, ...]
    sums: tuple[str, ...]
    counts: str


class Difference(NamedTuple):
    """A counter that differs from what its rows add up to."""

    key: str
    """The columns that identify it."""
    kept: str
    off_by: str


class Checked(NamedTuple):
    """How many sums were compared, and the first that differ."""

    sums: int
    different: list[Difference]


_REFERRED = """
SELECT {}, amount AS referred,
       CASE WHEN unit LIKE '%/qualified%' THEN amount ELSE 0 END AS qualified
FROM {} WHERE referrer_id IS NOT NULL"""
_DAILY = ("campaign_id", "name", "unit", "day")
_OF_REFERRER = ("campaign_id", "referrer_id")
_BY_DAY = ("campaign_id", "day", "referrer_id")
COUNTERS = (
    Counter("daily_counts", _DAILY, ("amount",), f"SELECT {', '.join(_DAILY)}, amount FROM {{}}"),
    Counter(
        "referrer_counts",
        _OF_REFERRER,
        ("referred", "qualified"),
        _REFERRED.format(", ".join(_OF_REFERRER), "{}"),
    ),
    Counter(
        "referrer_daily_counts",
        _BY_DAY,
        ("referred", "qualified"),
        _REFERRED.format(", ".join(_BY_DAY), "{}"),
    ),
)


def _differences(counter: Counter) -> str:
    """By how much each sum is too small. It is one statement, and so sees one moment: a fact that
    is written meanwhile is in none of its parts."""
    key, sums = ", ".join(counter.key), counter.sums
    minus = ", ".join(f"-{name} AS {name}" for name in sums)
    added = ", ".join(f"CAST(sum({name}) AS bigint) AS {name}" for name in sums)
    differs = " OR ".join(f"sum({name}) <> 0" for name in sums)
    return f"""
    SELECT {key}, {added} FROM (
        {counter.counts.format("counted_facts")}
        UNION ALL SELECT {key}, {minus} FROM ({counter.counts.format("count_changes")}) AS fresh
        UNION ALL SELECT {key}, {minus} FROM {counter.table}
    ) AS parts GROUP BY {key} HAVING {differs}"""


def _named(counter: Counter) -> str:
    key, sums = counter.key, counter.sums
    words = " || ', ' || ".join(f"'{name} ' || coalesce(off.{name}::text, '')" for name in key)
    kept = " || ', ' || ".join(f"'{name} ' || coalesce(kept.{name}, 0)" for name in sums)
    off = " || ', ' || ".join(f"'{name} ' || off.{name}" for name in sums)
    return f"""
    SELECT {words}, {kept}, {off} FROM ({_differences(counter)}) AS off
    LEFT JOIN {counter.table} AS kept USING ({", ".join(key)})
    ORDER BY 1 LIMIT {_SHOWN}"""


def _mend(counter: Counter) -> str:
    columns = ", ".join((*counter.key, *counter.sums))
    sums = ", ".join(f"{name} = kept.{name} + excluded.{name}" for name in counter.sums)
    return f"""
    INSERT INTO {counter.table} AS kept ({columns}) {_differences(counter)}
    ON CONFLICT ({", ".join(counter.key)}) DO UPDATE SET {sums}"""


async def check(database: Database) -> Checked:
    """Count everything again and compare. A million referrals take about ten seconds."""
    async with _connection(database) as connection:
        compared, different = 0, []
        for counter in COUNTERS:
            compared += await connection.fetchval(f"SELECT count(*) FROM {counter.table}")
            rows = await connection.fetch(_named(counter))
            different += [Difference(f"{counter.table}: {row[0]}", row[1], row[2]) for row in rows]
        return Checked(compared, different)


async def recount(database: Database) -> int:
    """Set every counter to what its rows add up to; return how many were different. Referrals go on
    meanwhile."""
    async with _connection(database) as connection, connection.transaction():
        # Otherwise changes that are being added up would be counted twice, or not at all.
        await connection.execute(f"SELECT pg_advisory_xact_lock({LOCK})", timeout=60)
        done = [await connection.execute(_mend(counter)) for counter in COUNTERS]
    return sum(int(tag.split()[-1]) for tag in done)


@asynccontextmanager
async def _connection(database: Database) -> AsyncIterator[Any]:
    """A connection without the usual time limit: these statements take longer than a request
    may."""
    connection = await database.address.connect(_SETTINGS, timeout=5)
    try:
        yield connection
    finally:
        await connection.close()
