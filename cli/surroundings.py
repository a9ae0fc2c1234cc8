"""Where a command finds PostgreSQL and Temporal: in its environment, else in the stack that
`guerdon dev` runs here."""

from __future__ import annotations

import json
import os
from pathlib import Path

from store.settings import StoreSettings

_DATABASE = "GUERDON_DATABASE_URL"


def find_surroundings() -> str:
    """The database's URL. Beside a running `guerdon dev`, with no settings in the environment, its
    own addresses are taken, Temporal's too. Raises ValueError when there is neither."""
    if _DATABASE not in os.environ:
        file = Path(os.environ.get("GUERDON_HOME", ".guerdon")) / "dev.json"
        if not file.exists():
            raise ValueError(f"{_DATABASE} is not set, and no `guerdon dev` runs here")
        running = json.loads(file.read_text())
        os.environ.setdefault("TEMPORAL_ADDRESS", running["temporal"]["address"])
        os.environ.setdefault("TEMPORAL_NAMESPACE", running["temporal"]["namespace"])
        return str(running["postgres"]["url"])
    return StoreSettings().database_url.get_secret_value()
