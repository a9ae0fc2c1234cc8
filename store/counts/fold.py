"""Adds up the changes that facts have appended to the counters.

A fact only appends: triggers do it, in the fact's transaction. Only `fold` writes the sums, so no
two referrals wait for each other's row. A count is its sum plus the changes that are not added up
yet. Both are read in one statement, so that a count is exact at every moment."""

from __future__ import annotations

from sqlalchemy import text

from store.database import Database

MOST = 50_000
"""How many changes one round adds up. A round takes about a second."""
LOCK = "hashtext('guerdon.counts')"
"""The advisory lock that a process holds while it writes the sums."""
_LOCK = text(f"SELECT pg_try_advisory_xact_lock({LOCK})")
# What is not visible yet stays for a later round.
_FOLD = text(
    """
    WITH fresh AS (
        DELETE FROM count_changes
        WHERE id IN (SELECT id FROM count_changes ORDER BY id LIMIT :most)
        RETURNING campaign_id, day, name, unit, amount, referrer_id
    ), days AS (
        INSERT INTO daily_counts AS kept (campaign_id, name, unit, day, amount)
        SELECT campaign_id, name, unit, day, sum(amount) FROM fresh
        GROUP BY campaign_id, name, unit, day HAVING sum(amount) <> 0
        ON CONFLICT (campaign_id, name, unit, day)
        DO UPDATE SET amount = kept.amount + excluded.amount
    ), referred AS (
        SELECT campaign_id, day, referrer_id, sum(amount) AS referred,
               coalesce(sum(amount) FILTER (WHERE unit LIKE '%/qualified%'), 0) AS qualified
        FROM fresh WHERE referrer_id IS NOT NULL GROUP BY campaign_id, day, referrer_id
    ), referrer_days AS (
        INSERT INTO referrer_daily_counts AS kept
            (campaign_id, day, referrer_id, referred, qualified)
        SELECT * FROM referred WHERE referred <> 0 OR qualified <> 0
        ON CONFLICT (campaign_id, day, referrer_id)
        DO UPDATE SET referred = kept.referred + excluded.referred,
                      qualified = kept.qualified + excluded.qualified
    ), referrers AS (
        INSERT INTO referrer_counts AS kept (campaign_id, referrer_id, referred, qualified)
        SELECT campaign_id, referrer_id, sum(referred), sum(qualified) FROM referred
        GROUP BY campaign_id, referrer_id HAVING sum(referred) <> 0 OR sum(qualified) <> 0
        ON CONFLICT (campaign_id, referrer_id)
        DO UPDATE SET referred = kept.referred + excluded.referred,
                      qualified = kept.qualified + excluded.qualified
    )
    SELECT count(*) FROM fresh
    """
)


async def fold(database: Database, most: int = MOST) -> int:
    """Add up every change, `most` in each transaction; return how many there were, 0 while another
    process does it. After a kill each change is either added up or still there, never both."""
    folded = 0
    while True:
        async with database.transaction() as tx:
            if not await tx.session.scalar(_LOCK):
                return folded
            found = int(await tx.session.scalar(_FOLD, {"most": most}) or 0)
        folded += found
        if found < most:
            return folded
