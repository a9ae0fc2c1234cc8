"""Reads events and writes the messages that distributions ask for."""

from __future__ import annotations

import asyncio
import time

from temporalio import activity

from activities.pulse import pulse
from store.database import Database
from store.messages import position
from store.messages.planning import read_on
from store.messages.start import start_messages

_LASTS = 600.0
"""Seconds that one activity follows the events; then the workflow starts another."""
_LOOK_EVERY = 1.0


class DistributorActivities:
    """Idempotent: an event is read once, by its position."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn
    async def distribute(self) -> bool:
        """Follow the events. Returns False once no distribution is active."""
        ends = time.monotonic() + _LASTS
        await position.take_up(self._database)
        async with pulse():
            while time.monotonic() < ends and not activity.is_worker_shutdown():
                planning = await read_on(self._database)
                if planning is None:
                    return False
                await start_messages(self._database, activity.client(), planning.written)
                if not planning.has_more:
                    await asyncio.sleep(_LOOK_EVERY)
        return True
