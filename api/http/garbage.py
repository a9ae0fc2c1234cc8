"""Runs full garbage collections while no long request body is in memory."""

from __future__ import annotations

import asyncio
import gc
from contextlib import AsyncExitStack

EVERY = 60.0
"""Seconds between two collections."""
_ANSWERED = 0.1
"""Seconds to wait after the last upload ended: by then its request is answered, and its rows are
freed."""


async def collect_between(uploads: asyncio.Semaphore, most: int, *, every: float = EVERY) -> None:
    """Run a collection at this interval, until cancelled.

    All `most` permits for uploads are held meanwhile, so that the collector does not walk through
    the rows of one."""
    while True:
        await asyncio.sleep(every)
        async with AsyncExitStack() as held:
            for _ in range(most):
                await held.enter_async_context(uploads)
            await asyncio.sleep(_ANSWERED)
            gc.collect()
