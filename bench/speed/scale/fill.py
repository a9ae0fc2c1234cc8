"""Fills a database with copies of referrals that the product itself made.

Every row that belongs to a person or a referral is copied, whatever its table: ids keep their
random part and take the copy's time, so they stay unique, joined and in order of birth; other
unique texts get the copy's number. Times are spread over half a year. Campaigns, keys and rules
are not copied. What is summed or counted elsewhere is summed up again by the product.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg

COPIED = (
    "customers",
    "vouchers",
    "holders",
    "publications",
    "redemptions",
    "rollbacks",
    "referrals",
    "referrer_progress",
    "intake",
    "reversals",
    "grants",
    "orders",
    "claims",
    "wallet_credits",
    "receivables",
    "events",
    "ledger_entries",
)
_IDS = "cust|v|rh|pub|r|rf|rr|ref|gr|ord|rev|txn|evt"
_DIGITS = "0-9a-hjkmnp-tv-z"
"""Of a ULID: ten for the time, sixteen at random."""
_NUMBERED = (
    *("source_id", "order_source_id", "code", "key", "hook_token", "identity"),
    "provider_order_id",
)
"""Texts that name one thing only: each copy has its own."""
_SECONDS = 180 * 86400
_CHUNK = 200
"""Copies a statement."""
_TIME = """
CREATE OR REPLACE FUNCTION pg_temp.birth(at timestamptz) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT string_agg(substr('0123456789abcdefghjkmnpqrstvwxyz',
        (((extract(epoch FROM at) * 1000)::bigint >> (5 * (9 - i))) & 31)::int + 1, 1),
        '' ORDER BY i)
    FROM generate_series(0, 9) i
$$"""
_COLUMNS = """
SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type, $1::text AS table,
    a.attidentity <> '' AS counted
FROM pg_attribute a
WHERE a.attrelid = $1::text::regclass AND a.attnum > 0 AND NOT a.attisdropped
    AND a.attgenerated = ''
ORDER BY a.attnum"""
_SECONDARY = """
SELECT c.relname AS name, pg_get_indexdef(i.indexrelid) AS definition
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE i.indrelid = $1::regclass AND NOT i.indisunique"""


@dataclass
class Filled:
    """A database that grows by copies of what it held at first."""

    connection: asyncpg.Connection
    copies: int = 0

    async def begin(self) -> int:
        """Keep the first rows as a pattern; answers how many referrals they are."""
        await self.connection.execute(_TIME)
        self._now = await self.connection.fetchval("SELECT now()")
        self._tables = [t for t in COPIED if await self._exists(t)]
        for table in self._tables:
            await self.connection.execute(f"CREATE TEMP TABLE pattern_{table} AS TABLE {table}")
        return int(await self.connection.fetchval("SELECT count(*) FROM pattern_referrals"))

    async def grow(self, copies: int, say: Callable[[str], None]) -> None:
        """Until there are so many copies beside the pattern."""
        await self.connection.execute("SET session_replication_role = replica")
        for table in self._tables:
            async with self._without_indexes(table):
                await self._copy(table, copies)
            say(f"    {table}")
        await self.connection.execute("SET session_replication_role = origin")
        self.copies = copies
        await self.connection.execute("VACUUM ANALYZE")

    async def _copy(self, table: str, copies: int) -> None:
        columns = [c for c in await self.connection.fetch(_COLUMNS, table) if not c["counted"]]
        names = ", ".join(f'"{c["name"]}"' for c in columns)
        values = ", ".join(_value(c) for c in columns)
        # The milliseconds of one growth are not another's, so that no id comes up twice.
        own = copies % 997 / 1000
        ago = f"make_interval(secs => ({copies} - n) * {_SECONDS / copies} + {own})"
        statement = f"""
            INSERT INTO {table} ({names}) SELECT {values}
            FROM (SELECT n, at, pg_temp.birth(at) AS birth
                  FROM (SELECT n, $3::timestamptz - {ago} AS at
                        FROM generate_series($1::int, $2::int) n) times OFFSET 0) copy,
                 pattern_{table} one"""
        for first in range(self.copies + 1, copies + 1, _CHUNK):
            last = min(first + _CHUNK - 1, copies)
            await self.connection.execute(statement, first, last, self._now, timeout=600)

    async def _exists(self, table: str) -> bool:
        return await self.connection.fetchval("SELECT to_regclass($1)", table) is not None

    @asynccontextmanager
    async def _without_indexes(self, table: str) -> AsyncIterator[None]:
        """Drops the indexes that are not unique, and makes them again: several times faster."""
        indexes = await self.connection.fetch(_SECONDARY, table)
        for index in indexes:
            await self.connection.execute(f'DROP INDEX "{index["name"]}"')
        yield
        for index in indexes:
            await self.connection.execute(index["definition"], timeout=1800)


def _value(column: asyncpg.Record) -> str:
    """What stands in a copy for the pattern's value."""
    name, kind = f'one."{column["name"]}"', column["type"]
    if kind.startswith("timestamp"):
        return f"{name} - ($3 - copy.at)"
    if kind not in ("text", "jsonb") and not kind.startswith("character varying"):
        return name
    pattern = rf"'\m({_IDS})_[{_DIGITS}]{{10}}([{_DIGITS}]{{16}})\M'"
    born = r"'\1_' || copy.birth || '\2'"
    moved = f"regexp_replace({name}::text, {pattern}, {born}, 'g')"
    if column["name"] == "email":
        return f"replace({name}, '@', '+' || copy.n || '@')"
    if column["name"] == "name":
        return f"{name} || ' ' || copy.n"
    if kind == "jsonb":
        return f"{moved}::jsonb"
    if column["name"] in _NUMBERED or (column["name"] == "id" and column["table"] == "intake"):
        return f"CASE WHEN {name} ~ {pattern} THEN {moved} ELSE {name} || '~' || copy.n END"
    return moved
