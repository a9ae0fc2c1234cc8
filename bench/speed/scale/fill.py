"""Fills a database with copies of referrals that the product itself has made.

Every row that belongs to a person or a referral is copied, in every table. Ids keep their random
part and take the copy's time, so they stay unique, keep their references and sort by time. Other
unique texts get the copy's number. Times are spread over half a year, except when work is due: open
work is as overdue as in the original. Campaigns, keys and rules are not copied. Counters and sums
are computed again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import asyncpg

COPIED = (
    "ledger_entries",
    "events",
    "grants",
    "orders",
    "referrals",
    "redemptions",
    "customers",
    "intake",
    "vouchers",
    "publications",
    "holders",
    "wallet_credits",
    "rollbacks",
    "claims",
    "referrer_progress",
    "reversals",
    "receivables",
)
"""Tables whose rows are copied, the longest first."""
_IDS = "cust|v|rh|pub|r|rf|rr|ref|gr|ord|rev|txn|evt"
_DIGITS = "0-9a-hjkmnp-tv-z"
"""Characters of a ULID: ten for the time, sixteen random."""
_BORN = "~" * 10
"""Replaces the time of an id in the template. Each copy puts its own time there, which is faster
than searching for ids again."""
_NUMBERED = (
    *("source_id", "order_source_id", "code", "key", "hook_token", "identity"),
    "provider_order_id",
)
"""Unique texts: each copy gets its own."""
_KEPT = ("due_at",)
_SECONDS = 180 * 86400
_CHUNK = 200
"""Copies per statement."""
_AT_ONCE = 2
_LONG = 3600.0
"""Time limit of one statement, in seconds."""
_BIRTH = """
CREATE OR REPLACE FUNCTION pattern.birth(at timestamptz) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT string_agg(substr('0123456789abcdefghjkmnpqrstvwxyz',
        (((extract(epoch FROM at) * 1000)::bigint >> (5 * (9 - i))) & 31)::int + 1, 1),
        '' ORDER BY i)
    FROM generate_series(0, 9) i
$$"""
_COLUMNS = """
SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type
FROM pg_attribute a
WHERE a.attrelid = $1::text::regclass AND a.attnum > 0 AND NOT a.attisdropped
    AND a.attgenerated = '' AND a.attidentity = ''
ORDER BY a.attnum"""
_SECONDARY = """
SELECT c.relname AS name, pg_get_indexdef(i.indexrelid) AS definition
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE i.indrelid = $1::regclass AND NOT i.indisunique"""
_FAST = (
    "SET session_replication_role = replica",  # no triggers, no foreign keys
    "SET synchronous_commit = off",
    "SET maintenance_work_mem = '512MB'",
)
_SERVER = ("max_wal_size = '8GB'", "full_page_writes = off", "autovacuum = off")
# As store.ledger.rollup would in rounds.
_SUM_UP = (
    "DELETE FROM account_days",
    "DELETE FROM account_sums",
    "DELETE FROM sum_horizon",
    "DELETE FROM currency_days",
    """INSERT INTO account_days (account, currency, day, amount)
       SELECT account, currency, (at AT TIME ZONE 'UTC')::date, sum(amount) FROM ledger_entries
       GROUP BY 1, 2, 3""",
    """INSERT INTO account_sums (account, currency, amount)
       SELECT account, currency, sum(amount) FROM account_days GROUP BY 1, 2""",
    """INSERT INTO currency_days (currency, day, amount)
       SELECT currency, day, sum(amount) FROM account_days GROUP BY 1, 2""",
    """UPDATE budgets b SET
           reserved = (SELECT coalesce(sum(amount), 0) FROM account_sums s
               WHERE s.account = 'campaign/' || b.campaign_id || '/reserved'
               AND s.currency = b.currency),
           committed = (SELECT coalesce(sum(amount), 0) FROM account_sums s
               WHERE s.account IN ('campaign/' || b.campaign_id || '/committed',
                                   'campaign/' || b.campaign_id || '/spent')
               AND s.currency = b.currency)""",
    """INSERT INTO sum_horizon (id, xid)
       VALUES (1, pg_snapshot_xmin(pg_current_snapshot())::text::bigint)""",
)


class _Column:
    """A copied column, and the SQL of its value in a copy."""

    def __init__(self, table: str, name: str, type: str) -> None:
        self.table, self.name, self.type = table, name, type
        self.text = type in ("text", "jsonb") or type.startswith("character varying")
        self.named = False
        """Whether its values contain ids."""

    @property
    def pattern(self) -> str:
        """SQL of its value with the times of ids replaced."""
        if not self.text:
            return f'"{self.name}"'
        ids = rf"'\m({_IDS})_[{_DIGITS}]{{10}}([{_DIGITS}]{{16}})\M'"
        return (
            f"""regexp_replace("{self.name}"::text, {ids}, '\\1_{_BORN}\\2', 'g')"""
            f' AS "{self.name}"'
        )

    @property
    def copy(self) -> str:
        value = f'one."{self.name}"'
        if self.type.startswith("timestamp") and self.name not in _KEPT:
            return f"{value} - ($3::timestamptz - copy.at)"
        if self.type.endswith("[]") and self.name in ("order_ids", "claims"):
            return f"ARRAY(SELECT v || '~' || copy.n FROM unnest({value}) v)"
        if not self.text:
            return value
        moved = f"replace({value}, '{_BORN}', copy.birth)" if self.named else value
        if self.name == "email":
            return f"replace({value}, '@', '+' || copy.n || '@')"
        if self.name == "name":
            return f"{value} || ' ' || copy.n"
        if self.name in _NUMBERED or (self.table, self.name) == ("intake", "id"):
            own = f"{value} || '~' || copy.n"
            return f"CASE WHEN position('{_BORN}' IN {value}) > 0 THEN {moved} ELSE {own} END"
        return f"{moved}::jsonb" if self.type == "jsonb" else moved


@dataclass
class Filled:
    """A database that grows by copies of its first rows."""

    url: str
    copies: int = 0
    settings: tuple[str, ...] = _SERVER
    """Settings of the whole server, while the database is filled."""
    _columns: dict[str, list[_Column]] = field(default_factory=dict)

    async def begin(self) -> int:
        """Keep the first rows as the template; return how many referrals they are."""
        async with _connected(self.url) as connection:
            await connection.execute("DROP SCHEMA IF EXISTS pattern CASCADE; CREATE SCHEMA pattern")
            await connection.execute(_BIRTH)
            self._now: datetime = await connection.fetchval("SELECT now()")
            for table in COPIED:
                self._columns[table] = await _keep(connection, table)
            return int(await connection.fetchval("SELECT count(*) FROM pattern.referrals"))

    async def grow(self, copies: int) -> None:
        """Add copies until there are this many."""
        async with _connected(self.url) as connection:
            for setting in self.settings:
                await connection.execute(f"ALTER SYSTEM SET {setting}")
            await connection.execute("SELECT pg_reload_conf()")
            indexes = [i for t in COPIED for i in await connection.fetch(_SECONDARY, t)]
            for index in indexes:
                await connection.execute(f'DROP INDEX "{index["name"]}"')
        parts = [
            (self._insert(table, copies), first, min(first + _CHUNK - 1, copies), self._now)
            for table in COPIED
            for first in range(self.copies + 1, copies + 1, _CHUNK)
        ]
        await self._together(parts)
        await self._together([(index["definition"],) for index in indexes])
        self.copies = copies
        async with _connected(self.url) as connection:
            for statement in _SUM_UP:
                await connection.execute(statement, timeout=_LONG)
            await connection.execute("VACUUM ANALYZE", timeout=_LONG)

    async def _together(self, statements: Iterable[tuple[Any, ...]]) -> None:
        """Run all of these, a few at once."""
        waiting = iter(statements)

        async def work() -> None:
            async with _connected(self.url) as connection:
                for setting in _FAST:
                    await connection.execute(setting)
                for statement, *values in waiting:
                    await connection.execute(statement, *values, timeout=_LONG)

        await asyncio.gather(*(work() for _ in range(_AT_ONCE)))

    def _insert(self, table: str, copies: int) -> str:
        columns = self._columns[table]
        names = ", ".join(f'"{column.name}"' for column in columns)
        values = ", ".join(column.copy for column in columns)
        # Two rounds never use the same milliseconds, so that no id occurs twice.
        own = copies % 997 / 1000
        ago = f"make_interval(secs => ({copies} - n) * {_SECONDS / copies} + {own})"
        return f"""
            INSERT INTO {table} ({names}) SELECT {values}
            FROM (SELECT n, at, pattern.birth(at) AS birth
                  FROM (SELECT n, $3::timestamptz - {ago} AS at
                        FROM generate_series($1::int, $2::int) n) times OFFSET 0) copy,
                 pattern.{table} one"""


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def _keep(connection: asyncpg.Connection, table: str) -> list[_Column]:
    columns = [
        _Column(table, row["name"], row["type"]) for row in await connection.fetch(_COLUMNS, table)
    ]
    values = ", ".join(column.pattern for column in columns)
    await connection.execute(
        f"CREATE UNLOGGED TABLE pattern.{table} AS SELECT {values} FROM {table}"
    )
    for column in columns:
        if column.text:
            column.named = await connection.fetchval(
                f"""SELECT count(*) > 0 FROM pattern.{table}
                    WHERE position('{_BORN}' IN "{column.name}") > 0"""
            )
    return columns
