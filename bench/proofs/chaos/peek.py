"""Reads PostgreSQL directly while it is being killed."""

from __future__ import annotations

import asyncpg

_AWAY = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
"""Errors that a client sees when the server was just killed."""


async def peek(url: str, statement: str) -> list[asyncpg.Record]:
    """The statement's rows; none while the server is down."""
    try:
        connection = await asyncpg.connect(url, timeout=3)
    except _AWAY:
        return []
    try:
        return list(await connection.fetch(statement, timeout=3))
    except _AWAY:
        return []
    finally:
        connection.terminate()
