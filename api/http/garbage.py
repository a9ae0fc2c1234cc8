"""The whole heap's garbage collection, while no long body is in memory."""

from __future__ import annotations

import asyncio
import gc
from contextlib import AsyncExitStack

EVERY = 60.0
"""Seconds between two collections."""
_ANSWERED = 0.1
"""Seconds after which the request that left the last place has been answered, and let go."""


async def collect_between(uploads: asyncio.Semaphore, most: int, *, every: float = EVERY) -> None:
    """Collect until cancelled, each time with all `most` places for uploads held: none of their
    rows is walked through."""
    while True:
        await asyncio.sleep(every)
        async with AsyncExitStack() as held:
            for _ in range(most):
                await held.enter_async_context(uploads)
            await asyncio.sleep(_ANSWERED)
            gc.collect()
