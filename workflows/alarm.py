"""One timer for all the waits of a referral's deliveries."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from temporalio import workflow


class Alarm:
    """Wakes all waiters when the earliest wait is over.

    A timer per grant would add two history events each, and an extra look at an order is cheap. A
    timer that is no longer needed ends with the workflow."""

    def __init__(self) -> None:
        self._rings = 0
        self._at: datetime | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def wait(self, after: timedelta, until: Callable[[], bool]) -> None:
        """Wait for at most `after`, or until the condition holds."""
        if until():
            return
        self._set(workflow.now() + after)
        heard = self._rings
        await workflow.wait_condition(lambda: until() or self._rings > heard)

    def _set(self, at: datetime) -> None:
        if self._at is None or at < self._at:
            self._at = at
            task = asyncio.create_task(self._ring(at))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _ring(self, at: datetime) -> None:
        await workflow.sleep(at - workflow.now(), summary="look at open orders")
        if self._at == at:
            self._at = None
        self._rings += 1
