"""Heartbeats for activities that may be cut off with their worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from temporalio import activity


@asynccontextmanager
async def pulse(every: float = 3.0) -> AsyncIterator[None]:
    """Send heartbeats while the block runs, so that a killed worker is noticed by the heartbeat
    time-out instead of the much longer start-to-close.

    The first one comes after `every` seconds: most activities are over by then, and Temporal Cloud
    bills heartbeats."""

    async def beat() -> None:
        while True:
            await asyncio.sleep(every)
            activity.heartbeat()

    task = asyncio.create_task(beat())
    try:
        yield
    finally:
        task.cancel()
