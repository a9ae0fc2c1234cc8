"""Compares the workflows that the database requires with those that Temporal runs."""

from __future__ import annotations

from temporalio import activity

from activities.pulse import pulse
from store.database import Database
from store.recovery.watch import sweep


class WatchActivities:
    """Idempotent: reads, and records what it found."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn
    async def watch_progress(self) -> int:
        """Return how many workflows are missing."""
        async with pulse():
            return (await sweep(self._database, activity.client())).missing
