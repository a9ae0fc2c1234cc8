"""A connection for work on millions of rows: COPY, and statements that may take minutes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from store.database import Database

_SETTINGS = {
    "jit": "off",
    "timezone": "UTC",
    "lock_timeout": "3000",
    # A million orders and lines are joined in memory; PostgreSQL writes the excess to disk.
    "work_mem": "128MB",
    "application_name": "guerdon-reconciliation",
}


@asynccontextmanager
async def bulk(database: Database) -> AsyncIterator[Any]:
    """A separate asyncpg connection, so that no request waits for one of the pool's."""
    connection = await database.address.connect(_SETTINGS, timeout=5)
    try:
        yield connection
    finally:
        await connection.close()
