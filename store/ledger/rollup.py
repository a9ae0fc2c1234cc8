"""Partial sums of the ledger, up to the oldest running transaction.

Posting never waits for this and never touches these tables: only `roll_up` writes them. A balance
is the sum plus the few entries after it."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import text

from store.database import Database, Transaction

_LOCK = text("SELECT pg_try_advisory_xact_lock(hashtext('guerdon.ledger.sums'))")
_HORIZON = text(
    """
    INSERT INTO sum_horizon (id, xid) VALUES (1, 0)
    ON CONFLICT (id) DO UPDATE SET xid = sum_horizon.xid
    RETURNING xid, pg_snapshot_xmin(pg_current_snapshot())::text::bigint
    """
)
# Everything before the oldest running transaction is final; what comes after it belongs to a later
# round.
_DAYS = text(
    """
    WITH fresh AS (
        SELECT account, currency, (at AT TIME ZONE 'UTC')::date AS day, sum(amount) AS amount
        FROM ledger_entries WHERE xid >= :since AND xid < :until
        GROUP BY account, currency, day
    ), days AS (
        INSERT INTO account_days (account, currency, day, amount)
        SELECT account, currency, day, amount FROM fresh
        ON CONFLICT (account, currency, day)
        DO UPDATE SET amount = account_days.amount + excluded.amount
    ), currencies AS (
        INSERT INTO currency_days (currency, day, amount)
        SELECT currency, day, sum(amount) FROM fresh GROUP BY currency, day
        ON CONFLICT (currency, day)
        DO UPDATE SET amount = currency_days.amount + excluded.amount
    ), sums AS (
        INSERT INTO account_sums (account, currency, amount)
        SELECT account, currency, sum(amount) FROM fresh GROUP BY account, currency
        ON CONFLICT (account, currency)
        DO UPDATE SET amount = account_sums.amount + excluded.amount
    )
    SELECT count(*) FROM fresh
    """
)
_ADVANCE = text("UPDATE sum_horizon SET xid = :until")


_FIRST = text("SELECT xid FROM ledger_entries ORDER BY seq LIMIT 1")
MOST = 50_000
"""Transactions per round: it takes a second or two."""


class Round(NamedTuple):
    """How many sums changed, and whether everything final is summed now."""

    sums: int
    finished: bool


async def roll_up(tx: Transaction, most: int = MOST) -> Round | None:
    """Add what was posted since the last round, of up to `most` transactions.

    None if another round is running. One transaction, so a kill leaves the sums of the last round,
    which are valid."""
    if not await tx.session.scalar(_LOCK):
        return None
    since, oldest = (await tx.session.execute(_HORIZON)).one()
    if since == 0:
        since = int(await tx.session.scalar(_FIRST) or oldest)
    until = min(oldest, since + most)
    sums = await tx.session.scalar(_DAYS, {"since": since, "until": until})
    await tx.session.execute(_ADVANCE, {"until": until})
    return Round(int(sums or 0), finished=until >= oldest)


async def sum_up(database: Database, most: int = MOST) -> int:
    """Sum up everything that is final now; return in how many rounds."""
    rounds = 0
    while True:
        async with database.transaction() as tx:
            done = await roll_up(tx, most)
        if done is None:
            return rounds
        rounds += 1
        if done.finished:
            return rounds
