"""Expiry of wallet credits, and the ledger's sums."""

from __future__ import annotations

from temporalio import activity

from store.database import Database
from store.grants import wallets
from store.ledger.rollup import sum_up


class UpkeepActivities:
    """Idempotent: a credit expires once, and an entry is summed once. Killed in the middle, the
    next sweep goes on."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn
    async def expire_credits(self) -> int:
        """Book every wallet credit that has expired; answers how many."""
        expired = 0
        while True:
            async with self._database.transaction() as tx:
                found = await wallets.expire(tx)
            if not found:
                return expired
            expired += found

    @activity.defn
    async def sum_up(self) -> int:
        """Sum up what was posted since the last time; answers in how many rounds."""
        return await sum_up(self._database)
