"""The settings of `/_control`, for one provider or for all; they survive a kill."""

import json
from collections.abc import Mapping
from typing import Any

from simulator.database import Database

EVERY = "*"
DEFAULTS: dict[str, dict[str, Any]] = {
    "delivery": {"seconds": 1.0, "outcome": "delivered"},
    "funds": {"amount": 100_000_000_00},
    "faults": {
        "seed": 0,
        "rates": {},
        "statuses": [500, 502, 503, 504],
        "slow_seconds": 30.0,
        "reads": False,
    },
    "credentials": {"accept": True, "status": 401},
    "rate": {"per_second": None},
    "tokens": {"seconds": 3600},
    "keys": {"seconds": None},
    "webhook": {"url": None, "secret": None},
}


class Settings:
    """Named settings, with a cache, because every request reads some."""

    def __init__(
        self, database: Database, webhooks: Mapping[str, dict[str, str]] | None = None
    ) -> None:
        """`webhooks`: address and secret by provider, unless `/_control` has set others."""
        self._db = database
        self._webhooks = webhooks or {}
        self._cache: dict[tuple[str, str], dict[str, Any]] = {}
        self.load()

    def load(self) -> None:
        self._cache = {
            (row["name"], row["provider"]): json.loads(row["value"])
            for row in self._db.execute("SELECT name, provider, value FROM settings")
        }

    def get(self, name: str, provider: str) -> dict[str, Any]:
        own = self._cache.get((name, provider))
        if name == "webhook" and own is None and provider in self._webhooks:
            return self._webhooks[provider]
        return own or self._cache.get((name, EVERY)) or DEFAULTS[name]

    def put(self, name: str, provider: str | None, value: dict[str, Any]) -> None:
        """Set for one provider, or for all; the latter removes the settings of single ones."""
        with self._db.transaction():
            if provider is None:
                self._db.execute("DELETE FROM settings WHERE name = ?", (name,))
            self._db.execute(
                "INSERT OR REPLACE INTO settings VALUES (?, ?, ?)",
                (name, provider or EVERY, json.dumps(value)),
            )
        self.load()
