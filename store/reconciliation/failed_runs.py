"""A run that cannot be brought to its end."""

from __future__ import annotations

from store.database import Database
from store.reconciliation import runs, staging


async def give_up(database: Database, reconciliation_id: str, detail: str) -> None:
    """Mark the run as failed; `detail` says why. Nobody reads its staged lines any more."""
    async with database.transaction() as tx:
        await runs.fail(tx, reconciliation_id, detail)
    await staging.drop(database, reconciliation_id)
