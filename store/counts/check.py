"""Whether the counters are what the rows come to, counted anew; and mending them."""

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
"""Differences that are named; more say nothing new."""


class Counter(NamedTuple):
    """A table of sums: its `key`, its `sums`, and SQL of the key and sums of each row counted."""

    table: str
    key: tuple[str, ...]
    sums: tuple[str, ...]
    counts: str


class Difference(NamedTuple):
    """A counter that is not what the rows come to."""

    key: str
    """The columns that it is found by."""
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
    """By how much each sum is too small. One statement, so one moment: what is written meanwhile
    is in none of its parts."""
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
    """Count everything anew and compare. A million referrals take some ten seconds."""
    async with _connection(database) as connection:
        compared, different = 0, []
        for counter in COUNTERS:
            compared += await connection.fetchval(f"SELECT count(*) FROM {counter.table}")
            rows = await connection.fetch(_named(counter))
            different += [Difference(f"{counter.table}: {row[0]}", row[1], row[2]) for row in rows]
        return Checked(compared, different)


async def recount(database: Database) -> int:
    """Set every counter to what the rows come to; answers how many were different. Referrals go
    on meanwhile."""
    async with _connection(database) as connection, connection.transaction():
        # Else what is being added up would be counted twice, or not at all.
        await connection.execute(f"SELECT pg_advisory_xact_lock({LOCK})", timeout=60)
        done = [await connection.execute(_mend(counter)) for counter in COUNTERS]
    return sum(int(tag.split()[-1]) for tag in done)


@asynccontextmanager
async def _connection(database: Database) -> AsyncIterator[Any]:
    """Of its own: these statements take longer than a request may."""
    connection = await database.address.connect(_SETTINGS, timeout=5)
    try:
        yield connection
    finally:
        await connection.close()
