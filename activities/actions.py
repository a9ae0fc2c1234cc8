"""Runs asynchronous actions (bulk updates, imported files) part by part."""

from __future__ import annotations

from temporalio import activity

from activities.pulse import pulse
from store.database import Database
from store.imports.handlers import work_off_part


class ActionActivities:
    """Idempotent: each part is written, counted and deleted in one transaction, so a restarted
    worker continues where the last one stopped."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn
    async def work_off(self, action_id: str) -> None:
        """Process every part that is left."""
        async with pulse():
            while await work_off_part(self._database, action_id):
                activity.heartbeat()
