"""Spaces requests to a provider with a low rate limit, within this process."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

from providers.outcomes import RateLimited

_MARGIN = 1.1
"""Requests sent a second apart may arrive a little closer together."""


class Turns:
    """The requests of one adapter, from all activities.

    The task queue's limit spaces activities over all workers; this spaces the requests within them.
    """

    def __init__(self, per_second: float) -> None:
        self._every = _MARGIN / per_second
        self._free_at = 0.0
        self._waiting = 0
        self._next = asyncio.Lock()

    async def take(self, patience: float) -> None:
        """Return when a request may be sent.

        Raises RateLimited at once if that would take more than `patience` seconds: nothing was
        sent, and the queue is the better place to wait.
        """
        wait = max(0.0, self._free_at - time.monotonic()) + self._waiting * self._every
        if wait > patience:
            detail = f"{self._waiting} requests wait for their turn at the provider"
            raise RateLimited(detail, retry_after=timedelta(seconds=wait))
        self._waiting += 1
        try:
            async with self._next:
                await asyncio.sleep(max(0.0, self._free_at - time.monotonic()))
                # Counted from the actual sending: a busy process wakes late.
                self._free_at = time.monotonic() + self._every
        finally:
            self._waiting -= 1
