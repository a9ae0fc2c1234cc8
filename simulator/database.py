"""The simulator's durable storage: one SQLite file in WAL mode, one connection, one thread."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

SCHEMA = """
CREATE TABLE IF NOT EXISTS orders (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    provider TEXT NOT NULL, id TEXT NOT NULL, key TEXT NOT NULL,
    state TEXT NOT NULL, status TEXT NOT NULL, delivery TEXT NOT NULL,
    currency TEXT NOT NULL,
    created_at REAL NOT NULL, settled INTEGER NOT NULL, doc TEXT NOT NULL,
    UNIQUE (provider, id)
);
CREATE INDEX IF NOT EXISTS orders_by_key ON orders (provider, key);
CREATE INDEX IF NOT EXISTS orders_by_time ON orders (provider, created_at);
CREATE INDEX IF NOT EXISTS orders_open ON orders (provider, created_at) WHERE settled = 0;
CREATE TABLE IF NOT EXISTS hooks (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    provider TEXT NOT NULL, url TEXT NOT NULL, event_id TEXT NOT NULL, body TEXT NOT NULL,
    due_at REAL NOT NULL, attempts INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS hooks_by_due ON hooks (due_at);
CREATE TABLE IF NOT EXISTS settings (
    name TEXT NOT NULL, provider TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (name, provider)
);
CREATE TABLE IF NOT EXISTS spent (
    provider TEXT NOT NULL, currency TEXT NOT NULL, amount INTEGER NOT NULL,
    PRIMARY KEY (provider, currency)
);
CREATE TABLE IF NOT EXISTS tokens (
    token TEXT PRIMARY KEY, provider TEXT NOT NULL, expires_at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS replies (
    provider TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL,
    status INTEGER NOT NULL, body TEXT NOT NULL, created_at REAL NOT NULL,
    PRIMARY KEY (provider, key)
);
CREATE TABLE IF NOT EXISTS draws (
    provider TEXT NOT NULL, name TEXT NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (provider, name)
);
CREATE TABLE IF NOT EXISTS stats (
    provider TEXT NOT NULL, name TEXT NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (provider, name)
);
"""
TABLES = ("orders", "hooks", "settings", "spent", "tokens", "replies", "draws", "stats")

Value = str | int | float | None


class Database:
    """A connection that only the event loop uses, so every transaction is atomic."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(
            directory / "simulator.sqlite3", isolation_level=None, check_same_thread=False
        )
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode = WAL")
        # A killed process loses nothing that is in the WAL; only a power failure could.
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.executescript(SCHEMA)

    def execute(self, sql: str, parameters: Sequence[Value] = ()) -> sqlite3.Cursor:
        return self._connection.execute(sql, parameters)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit all statements of the block, or none. A nested block joins the outer one."""
        if self._connection.in_transaction:
            yield
            return
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def next_draw(self, provider: str, name: str) -> int:
        """Add one to a durable counter and return its new value."""
        # fetchall, because a statement that is not read to its end does not commit.
        rows = self.execute(
            "INSERT INTO draws VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET n = n + 1 RETURNING n",
            (provider, name),
        ).fetchall()
        return int(rows[0]["n"])

    def clear(self) -> None:
        with self.transaction():
            for table in TABLES:
                self.execute(f"DELETE FROM {table}")  # noqa: S608 - names are the constants above

    def close(self) -> None:
        self._connection.close()
