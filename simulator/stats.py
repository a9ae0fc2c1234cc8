"""Counts for judges, in memory, stored twice a second: a kill may lose the last ones."""

import asyncio
from collections import Counter

from simulator.database import Database

FLUSH_SECONDS = 0.5


class Stats:
    """Counters by (provider, name). Storing each one at once would add three commits to every
    order."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._counts: Counter[tuple[str, str]] = Counter()
        self._dirty: set[tuple[str, str]] = set()
        self.load()

    def load(self) -> None:
        rows = self._db.execute("SELECT provider, name, n FROM stats")
        self._counts = Counter({(row["provider"], row["name"]): row["n"] for row in rows})
        self._dirty = set()

    def count(self, provider: str, name: str) -> None:
        self._counts[provider, name] += 1
        self._dirty.add((provider, name))

    def get(self, provider: str, name: str) -> int:
        return self._counts[provider, name]

    async def run(self) -> None:
        """Store what has changed, for ever."""
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            self.flush()

    def flush(self) -> None:
        if not self._dirty:
            return
        with self._db.transaction():
            for provider, name in self._dirty:
                n = self._counts[provider, name]
                self._db.execute(
                    "INSERT OR REPLACE INTO stats VALUES (?, ?, ?)", (provider, name, n)
                )
        self._dirty = set()
