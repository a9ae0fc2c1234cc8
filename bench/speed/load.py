"""Makes many calls, a limited number at once, and notes how long each took."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from statistics import quantiles


@dataclass(frozen=True)
class Run:
    """The result: `seconds` of wall time, and `latencies` in seconds, one for each call."""

    seconds: float
    latencies: list[float]

    @property
    def per_second(self) -> float:
        return len(self.latencies) / self.seconds

    def percentile(self, percent: int) -> float:
        """In milliseconds."""
        return 1000 * quantiles(self.latencies, n=100)[percent - 1]


async def drive(calls: int, at_once: int, call: Callable[[int], Awaitable[None]]) -> Run:
    """Make `calls` calls, numbered from 0, `at_once` at a time."""
    numbers, latencies = iter(range(calls)), list[float]()

    async def lane() -> None:
        for number in numbers:
            began = time.perf_counter()
            await call(number)
            latencies.append(time.perf_counter() - began)

    began = time.perf_counter()
    await asyncio.gather(*(lane() for _ in range(at_once)))
    return Run(time.perf_counter() - began, latencies)
