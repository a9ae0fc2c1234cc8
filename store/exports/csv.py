"""Writes a SELECT as a CSV file, at PostgreSQL's own speed and in constant memory.

PostgreSQL's COPY makes the CSV; a short queue between it and the reader makes it wait for a slow
reader. It has its own connection, so a long download takes none from the requests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import asyncpg

from store.database import Database
from store.lists.pages import AnySelect

_AT_ONCE = asyncio.Semaphore(4)
"""Files that one process exports at once; others wait."""
_BLOCK = 64 * 1024
_LONGEST = 600.0
"""Seconds after which an export ends."""


async def csv_of(database: Database, statement: AnySelect) -> AsyncGenerator[bytes, None]:
    """The rows as CSV with a header, in blocks of about 64 KB. Values in the statement are written
    as literals, because COPY takes no parameters."""
    query = str(
        statement.compile(dialect=database.engine.dialect, compile_kwargs={"literal_binds": True})
    )
    async with _AT_ONCE:
        connection = await database.address.connect({"timezone": "UTC"})
        async with aclosing(_blocks(connection, query)) as blocks:
            async for block in blocks:
                yield block


async def _blocks(connection: asyncpg.Connection, query: str) -> AsyncGenerator[bytes, None]:
    """What PostgreSQL writes, as it comes; the connection ends with it."""
    queue: asyncio.Queue[bytes | None] = asyncio.Queue(maxsize=4)
    pending = bytearray()

    async def take(data: bytes) -> None:
        pending.extend(data)
        if len(pending) >= _BLOCK:
            await queue.put(bytes(pending))
            pending.clear()

    async def copy() -> None:
        await connection.copy_from_query(
            query, output=take, format="csv", header=True, timeout=_LONGEST
        )
        await queue.put(bytes(pending))
        await queue.put(None)

    copying: asyncio.Task[Any] = asyncio.create_task(copy())
    try:
        while (block := await _next(queue, copying)) is not None:
            yield block
    finally:
        # Not close(): a reader that went away leaves a COPY that nobody waits for. Before the task
        # is cancelled, because asyncpg fails on what PostgreSQL still sends.
        connection.terminate()
        copying.cancel()
        await asyncio.gather(copying, return_exceptions=True)


async def _next(queue: asyncio.Queue[bytes | None], copying: asyncio.Task[Any]) -> bytes | None:
    """The next block; raises what the COPY raised."""
    getting = asyncio.create_task(queue.get())
    await asyncio.wait((getting, copying), return_when=asyncio.FIRST_COMPLETED)
    if getting.done() or not copying.exception():
        return await getting
    getting.cancel()
    raise copying.exception() or RuntimeError
