"""Asynchronous actions, part by part."""

from __future__ import annotations

from temporalio import activity

from activities.pulse import pulse
from store.database import Database
from store.imports.handlers import work_off_part


class ActionActivities:
    """Idempotent: a part is written, counted and dropped in one transaction, so that whoever
    takes an action up goes on where the last one was stopped."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn
    async def work_off(self, action_id: str) -> None:
        """Deal with every part that is left."""
        async with pulse():
            while await work_off_part(self._database, action_id):
                activity.heartbeat()
