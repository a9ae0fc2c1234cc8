"""What all simulated providers share: the book, the money, the faults, the webhooks."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from simulator.book import Book
from simulator.database import Database
from simulator.faults import Faults
from simulator.funds import Funds
from simulator.hold import Hold
from simulator.settings import Settings
from simulator.stats import Stats
from simulator.webhooks import Webhooks


@dataclass(frozen=True, slots=True)
class World:
    """One simulator's parts. `changed` wakes the delivery of orders."""

    db: Database
    book: Book
    settings: Settings
    stats: Stats
    funds: Funds
    faults: Faults
    hold: Hold
    hooks: Webhooks
    changed: asyncio.Event

    def now(self) -> float:
        """Unix seconds, as orders are stamped."""
        return time.time()

    def setting(self, name: str, provider: str) -> dict[str, Any]:
        return self.settings.get(name, provider)

    def clear(self) -> None:
        """Empty everything: orders, money, faults, settings, tokens, webhooks."""
        self.db.clear()
        self.settings.load()
        self.stats.load()
        self.hold.put(None, None, None)
        self.changed.set()
