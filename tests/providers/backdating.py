"""Orders of another day: the simulator stamps them with the present."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import datetime

from tests.simulator.simulator_process import SimulatorProcess


def backdate(simulator: SimulatorProcess, key: str, at: datetime) -> None:
    """Let the order with that key have been created at `at`."""
    path = simulator.state / "simulator.sqlite3"
    with closing(sqlite3.connect(path, timeout=120, isolation_level=None)) as connection:
        changed = connection.execute(
            "UPDATE orders SET created_at = ? WHERE key = ?", (at.timestamp(), key)
        )
        assert changed.rowcount == 1
