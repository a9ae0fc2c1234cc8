"""Turns at a provider whose rate limit is low: no two requests of this process leave too close."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

from providers.outcomes import RateLimited

_MARGIN = 1.1
"""What leaves a second apart may arrive a little closer together."""


class Turns:
    """One adapter's requests, whichever activities they belong to. The task queue's limit spaces
    activities, over all workers; only this one spaces what an activity asks."""

    def __init__(self, per_second: float) -> None:
        self._every = _MARGIN / per_second
        self._free_at = 0.0
        self._waiting = 0
        self._next = asyncio.Lock()

    async def take(self, patience: float) -> None:
        """Return when a request may leave. Raises RateLimited, at once, where that would take more
        than `patience` seconds: nothing has left, and the queue is the better place to wait."""
        wait = max(0.0, self._free_at - time.monotonic()) + self._waiting * self._every
        if wait > patience:
            detail = f"{self._waiting} requests wait for their turn at the provider"
            raise RateLimited(detail, retry_after=timedelta(seconds=wait))
        self._waiting += 1
        try:
            async with self._next:
                await asyncio.sleep(max(0.0, self._free_at - time.monotonic()))
                # Counted from when it really left: a busy process wakes late.
                self._free_at = time.monotonic() + self._every
        finally:
            self._waiting -= 1
