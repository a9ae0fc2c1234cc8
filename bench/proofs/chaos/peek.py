"""A look into PostgreSQL behind the product's back, while it is being killed."""

from __future__ import annotations

import asyncpg

_AWAY = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
"""What a server that was ended a moment ago looks like to its client."""


async def peek(url: str, statement: str) -> list[asyncpg.Record]:
    """The statement's rows; none while there is no server."""
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
