"""Moves the database's transaction counter past the stored facts.

A dump restored into a new cluster contains old transaction ids, but the counter begins anew.
Readers that follow events and ledger entries by id (webhooks, the event log, the seals) would miss
what comes next."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from store.database import Database

MOST = 50_000_000
"""This many take about ten minutes. A larger gap is closed offline, with `pg_resetwal`."""
_SLICE = 200_000
_LAG = """
SELECT greatest(
    (SELECT coalesce(max(xid), 0) FROM events),
    (SELECT coalesce(max(xid), 0) FROM ledger_entries),
    (SELECT coalesce(max(xid), 0) FROM webhooks)
) - pg_snapshot_xmax(pg_current_snapshot())::text::bigint + 1
"""
_USE = """
DO $$ BEGIN FOR i IN 1..{count} LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$
"""


async def lag(database: Database) -> int:
    """How many transaction ids the counter is behind the facts; usually none."""
    async with database.engine.connect() as connection:
        return await _lag(connection)


async def catch_up(database: Database) -> int:
    """Use up ids until the counter is ahead of the facts. Returns how many it was behind. Raises
    ValueError if that would take too long."""
    behind = left = await lag(database)
    if behind > MOST:
        raise ValueError(
            f"the transaction counter is {behind} behind the facts: stop PostgreSQL, move it on "
            "with pg_resetwal --next-transaction-id and --epoch, and run this again"
        )
    async with database.engine.connect() as connection:
        # Outside of a transaction, because each id needs one of its own.
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(text("SET synchronous_commit = off"))
        while left > 0:
            await connection.execute(text(_USE.format(count=min(left, _SLICE))))
            left = await _lag(connection)
    return behind


async def _lag(connection: AsyncConnection) -> int:
    return max(0, int(await connection.scalar(text(_LAG)) or 0))
