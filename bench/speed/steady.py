"""A campaign at its usual pace: friends convert one after the other, whatever else happens."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import asyncpg

from bench.speed.engine import Engine

PACE = 3.0
"""Friends per second: well below what two cores complete."""
MEASURES = ("answered", "qualified", "completed")


@dataclass
class Friend:
    """One friend's conversion: when it was sent, seconds since the epoch, and how many seconds
    later it was answered, qualified (its grants made) and completed (its cards delivered)."""

    sent: float
    referral_id: str = ""
    took: dict[str, float] = field(default_factory=dict)


class Steady:
    """Friends at a steady pace, each with the next of a few codes. The time between two of them
    varies at random, and does not depend on how fast the product answers."""

    def __init__(self, engine: Engine, codes: list[str], pace: float) -> None:
        self._engine, self._codes, self._pace = engine, codes, pace
        self._dice = random.Random(1)
        self._tasks: set[asyncio.Task[None]] = set()
        self.friends: list[Friend] = []

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Friends convert during the block."""
        coming = asyncio.create_task(self._come())
        try:
            yield
        finally:
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)
            await asyncio.gather(*self._tasks)

    async def _come(self) -> None:
        while True:
            await asyncio.sleep(self._dice.uniform(0.5, 1.5) / self._pace)
            self._tasks.add(asyncio.create_task(self._convert()))

    async def _convert(self) -> None:
        friend = Friend(time.time())
        self.friends.append(friend)
        code = self._codes[len(self.friends) % len(self._codes)]
        began = time.perf_counter()
        answer = await self._engine.convert(code)
        friend.took["answered"] = time.perf_counter() - began
        friend.referral_id = answer["referral"]["id"]


async def clock_events(database: asyncpg.Connection) -> None:
    """Have the database note when it wrote each event. An event's own time is the beginning of its
    transaction, so a transaction that has to wait would look faster than it was."""
    await database.execute(
        "ALTER TABLE events ADD COLUMN IF NOT EXISTS written_at timestamptz "
        "DEFAULT clock_timestamp()"
    )


async def look_up(database: asyncpg.Connection, friends: list[Friend]) -> None:
    """Note when each was qualified and completed. Raises KeyError if one was not."""
    rows = await database.fetch(
        "SELECT referral_id, type, extract(epoch FROM written_at)::float8 AS at FROM events "
        "WHERE type IN ('referral.qualified', 'referral.completed') AND referral_id = ANY($1)",
        [friend.referral_id for friend in friends],
    )
    at = {(row["referral_id"], row["type"]): row["at"] for row in rows}
    for friend in friends:
        for measure in ("qualified", "completed"):
            friend.took[measure] = at[friend.referral_id, f"referral.{measure}"] - friend.sent
