"""Tells a worker that follows an order of a webhook about it, by PostgreSQL's NOTIFY. Nothing
depends on it: a worker that hears nothing looks at the end anyway."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
import structlog
from sqlalchemy import bindparam, func, select

from store.database import Database

log = structlog.get_logger(__name__)

_CHANNEL = "guerdon_hints"
_NOTIFY = select(func.pg_notify(_CHANNEL, bindparam("order_id")))
_PAUSE = 1.0


async def tell(database: Database, order_id: str) -> None:
    """Tell the worker that follows this order that its provider has news."""
    async with database.engine.begin() as connection:
        await connection.execute(_NOTIFY, {"order_id": order_id})


class HintsLine:
    """What one worker process hears. `listen` runs in the background, on a connection of its
    own."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._awaited: dict[str, asyncio.Event] = {}

    @contextmanager
    def awaited(self, order_id: str) -> Iterator[asyncio.Event]:
        """An event that is set when a hint about the order arrives during the block."""
        event = self._awaited.setdefault(order_id, asyncio.Event())
        try:
            yield event
        finally:
            self._awaited.pop(order_id, None)

    async def listen(self) -> None:
        """Listen for ever; reconnect after PostgreSQL restarts."""
        while True:
            try:
                await self._listen()
            except Exception as error:
                # Any error: without hints the news is only noticed a little later.
                log.warning("hints.not_heard", error=type(error).__name__)
            await asyncio.sleep(_PAUSE)

    async def _listen(self) -> None:
        closed = asyncio.Event()
        async with self._database.engine.connect() as connection:
            driver = (await connection.get_raw_connection()).driver_connection
            if not isinstance(driver, asyncpg.Connection):
                raise TypeError(f"not asyncpg: {driver}")
            driver.add_termination_listener(lambda _: closed.set())
            await driver.add_listener(_CHANNEL, self._hear)
            try:
                await closed.wait()
            finally:
                # Close it: a connection that listens must not go back into the pool.
                await connection.invalidate()

    def _hear(self, _: object, __: int, ___: str, order_id: object) -> None:
        event = self._awaited.get(str(order_id))
        if event is not None:
            event.set()
