"""Seals the ledger."""

from __future__ import annotations

from temporalio import activity

from store.database import Database
from store.ledger.seals import EVENTS, LEDGER, seal_next


class SealActivities:
    """Idempotent: a block is sealed once, and the next one follows it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn
    async def seal_ledger(self) -> int:
        """Seal every ledger entry and event of finished transactions; return how many."""
        sealed = 0
        for chain in (LEDGER, EVENTS):
            while count := await seal_next(self._database, chain=chain):
                sealed += count
        return sealed
