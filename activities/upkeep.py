"""Expires wallet credits, and updates the ledger's sums and the counters."""

from __future__ import annotations

from temporalio import activity

from store.counts.fold import fold
from store.database import Database
from store.grants import wallets
from store.ledger.rollup import sum_up


class UpkeepActivities:
    """Idempotent: a credit expires once, and an entry or a change is summed once. If killed, the
    next run continues."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn
    async def expire_credits(self) -> int:
        """Book every wallet credit that has expired; return how many."""
        expired = 0
        while True:
            async with self._database.transaction() as tx:
                found = await wallets.expire(tx)
            if not found:
                return expired
            expired += found

    @activity.defn
    async def sum_up(self) -> int:
        """Add newly posted ledger entries and counted changes to the sums; return how many rounds
        the ledger took."""
        await fold(self._database)
        return await sum_up(self._database)
