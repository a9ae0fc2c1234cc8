"""One attempt at an order in a worker process of its own, to be killed or paused by the test."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, NamedTuple

from activities.lane import Timing
from activities.orders import OrderActivities
from providers.protocol import GiftCardProvider
from store.database import Database
from tests.conformance.adapters_under_test import open_adapter
from tests.conformance.ordering_lane import Again, OrderingLane, lane_of
from tests.forks import FORKS


class Job(NamedTuple):
    """What the worker does. `stops`: it stops itself between its claim and its request."""

    provider: str
    grant_id: str
    database_url: str
    simulator_url: str
    hooks_url: str
    timing: Timing
    stops: bool


class AttemptProcess:
    """The process, and what it said."""

    def __init__(self, job: Job) -> None:
        self._said, says = FORKS.Pipe(duplex=False)
        self._process: BaseProcess = FORKS.Process(target=_work, args=(job, says), daemon=True)
        self._process.start()
        says.close()

    @contextmanager
    def running(self) -> Iterator[AttemptProcess]:
        """Whatever happens, no process is left behind."""
        try:
            yield self
        finally:
            self.kill()
            self._said.close()

    def kill(self) -> None:
        """SIGKILL."""
        self._process.kill()
        self._process.join(10)

    def pause(self) -> None:
        """SIGSTOP."""
        os.kill(self._pid, signal.SIGSTOP)

    def wake(self) -> None:
        """SIGCONT."""
        os.kill(self._pid, signal.SIGCONT)

    async def says(self) -> str:
        """The next words of the worker. Raises EOFError when it died without any."""
        async with asyncio.timeout(120):
            while not self._said.poll():
                await asyncio.sleep(0.02)
        return str(self._said.recv())

    @property
    def _pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid


class _Stopping:
    """An adapter that stops its whole process when it is first asked what it can do: after the
    claim, and before the check whether the claim still holds."""

    def __init__(self, adapter: GiftCardProvider, says: Connection) -> None:
        self._adapter = adapter
        self._says: Connection | None = says

    def __getattr__(self, name: str) -> Any:
        if name == "capabilities" and self._says:
            self._says.send("stopping")
            self._says = None
            os.kill(os.getpid(), signal.SIGSTOP)
        return getattr(self._adapter, name)


def _work(job: Job, says: Connection) -> None:
    says.send(asyncio.run(_attempt(job, says)))


async def _attempt(job: Job, says: Connection) -> str:
    database = Database(job.database_url, pool=2)
    within = job.timing.attempt.total_seconds()
    adapter: Any = open_adapter(job.provider, job.simulator_url, within)
    lane = lane_of(
        database, _Stopping(adapter, says) if job.stops else adapter, job.hooks_url, job.timing
    )
    try:
        return (await OrderingLane(OrderActivities(lane)).place(job.grant_id)).next
    except Again as again:
        return f"again: {again}"
    finally:
        await adapter.close()
        await database.dispose()
