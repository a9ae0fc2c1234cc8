"""Fills a database with copies of referrals that the product itself made.

Every row that belongs to a person or a referral is copied, whatever its table: ids keep their
random part and take the copy's time, so they stay unique, joined and in order of birth; other
unique texts get the copy's number. Times are spread over half a year, but for what is due: open
work is as late as in the pattern. Campaigns, keys and rules are not copied. What is summed or
counted elsewhere is summed up again."""

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
"""Of a ULID: ten for the time, sixteen at random."""
_BORN = "~" * 10
"""Stands in the pattern for the time of an id: replaced in each copy, which is faster than looking
for ids again."""
_NUMBERED = (
    *("source_id", "order_source_id", "code", "key", "hook_token", "identity"),
    "provider_order_id",
)
"""Texts that name one thing only: each copy has its own."""
_KEPT = ("due_at",)
_SECONDS = 180 * 86400
_CHUNK = 200
"""Copies a statement."""
_AT_ONCE = 2
_LONG = 3600.0
"""Seconds that a statement may take."""
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
    """A copied column, and what stands in a copy for the pattern's value."""

    def __init__(self, table: str, name: str, type: str) -> None:
        self.table, self.name, self.type = table, name, type
        self.text = type in ("text", "jsonb") or type.startswith("character varying")
        self.named = False
        """Whether ids are in it."""

    @property
    def pattern(self) -> str:
        """Its value with the times of ids taken out."""
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
    """A database that grows by copies of what it held at first."""

    url: str
    copies: int = 0
    settings: tuple[str, ...] = _SERVER
    """Of the whole server, while it is filled."""
    _columns: dict[str, list[_Column]] = field(default_factory=dict)

    async def begin(self) -> int:
        """Keep the first rows as a pattern; answers how many referrals they are."""
        async with _connected(self.url) as connection:
            await connection.execute("DROP SCHEMA IF EXISTS pattern CASCADE; CREATE SCHEMA pattern")
            await connection.execute(_BIRTH)
            self._now: datetime = await connection.fetchval("SELECT now()")
            for table in COPIED:
                self._columns[table] = await _keep(connection, table)
            return int(await connection.fetchval("SELECT count(*) FROM pattern.referrals"))

    async def grow(self, copies: int) -> None:
        """Until there are so many copies beside the pattern."""
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
        """Each of these, some at once."""
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
        # The milliseconds of one growth are not another's, so that no id comes up twice.
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
