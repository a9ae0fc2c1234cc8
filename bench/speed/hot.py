"""Rounds of quiet and of a burst upon one code, beside a campaign at its usual pace."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from statistics import quantiles
from typing import Self

import asyncpg
import psutil

from bench.speed.burst import burst
from bench.speed.engine import Engine
from bench.speed.steady import Friend, Steady, clock_events, look_up
from cli.stack.stack import Stack

REFERRERS = 8
"""Of the other campaign."""


@dataclass(frozen=True)
class Round:
    """How a round's burst went: seconds from its first request."""

    count: int
    answered: float
    qualified: float
    completed: float

    def __str__(self) -> str:
        return (
            f"{self.count} conversions answered within {self.answered:.1f} s, "
            f"qualified {self.qualified:.1f} s, completed {self.completed:.1f} s"
        )


@dataclass
class Hot:
    """The measurement. A friend counts as hot who comes while the burst's conversions are worked
    off, from the first request until the last card: what comes before and after would only water
    the figures down."""

    engine: Engine
    database: asyncpg.Connection
    steady: Steady
    campaign_id: str
    size: int
    """Conversions of the hot code, at once."""
    rounds: list[Round] = field(default_factory=list)
    busy: list[float] = field(default_factory=list)
    """How busy the whole machine was in each quiet stretch, percent: where it has much else to
    do, the figures are those of the neighbours."""
    _last_took: float = 12
    _quiet: list[tuple[float, float]] = field(default_factory=list)
    _hot: list[tuple[float, float]] = field(default_factory=list)

    @classmethod
    async def open(cls, stack: Stack, pace: float, size: int) -> Self:
        """With a campaign whose friends may begin to come."""
        engine = Engine(stack)
        await engine.prepare()
        database = await asyncpg.connect(stack.urls.database)
        await clock_events(database)
        campaign_id, codes = await engine.codes(REFERRERS)
        return cls(engine, database, Steady(engine, codes, pace), campaign_id, size)

    async def close(self) -> None:
        """Wait for the last friends, and look up what became of them."""
        await self.engine.finished(self.campaign_id, len(self.steady.friends))
        await look_up(self.database, self.steady.friends)
        await self.database.close()
        await self.engine.http.aclose()

    async def round(self, quiet: float | None = None) -> None:
        """A quiet stretch of so many seconds, or as long as the last burst took; then a burst,
        until its last card is delivered."""
        await self._until(self._caught_up, "the other campaign's friends completed")
        began = time.time()
        psutil.cpu_percent()
        await asyncio.sleep(self._last_took if quiet is None else quiet)
        self.busy.append(psutil.cpu_percent())
        self._quiet.append((began, time.time()))
        campaign_id, code = await self.engine.code()
        hit = await burst(self.engine, code, self.size)
        await self._until(
            lambda: self._worked_off(campaign_id),
            f"{self.size} conversions of the hot code completed",
        )
        self._hot.append((hit.began, time.time()))
        qualified, completed = [
            await self._last(campaign_id, f"referral.{what}") for what in ("qualified", "completed")
        ]
        took = (max(hit.latencies), qualified - hit.began, completed - hit.began)
        self.rounds.append(Round(self.size, *took))
        self._last_took = self.rounds[-1].completed
        await self._must_be_sequential(campaign_id)
        await asyncio.sleep(1)

    def forget(self) -> None:
        """What was seen so far was for warming up."""
        self._quiet, self._hot, self.rounds, self.busy = [], [], [], []

    def count(self, *, hot: bool = False) -> int:
        return len(self._of(hot))

    def percentile(self, measure: str, percent: int, *, hot: bool = False) -> float:
        """In milliseconds."""
        took = [friend.took[measure] for friend in self._of(hot)]
        return 1000 * quantiles(took, n=100)[percent - 1]

    def slowest(self, measure: str, *, hot: bool = False) -> float:
        """In milliseconds."""
        return 1000 * max(friend.took[measure] for friend in self._of(hot))

    def ratio(self, measure: str) -> float:
        """Of the p95 beside the burst to that in quiet times."""
        return self.percentile(measure, 95, hot=True) / self.percentile(measure, 95)

    def _of(self, hot: bool) -> list[Friend]:
        spans = self._hot if hot else self._quiet
        friends = self.steady.friends
        return [f for f in friends if any(since <= f.sent < until for since, until in spans)]

    async def _until(
        self, check: Callable[[], Awaitable[bool]], what: str, limit: float = 600
    ) -> None:
        deadline = time.monotonic() + limit
        while not await check():
            if time.monotonic() > deadline:
                raise TimeoutError(f"not within {limit:.0f} s: {what}")
            await asyncio.sleep(0.1)

    # StatementCounts of the database itself: the question must not cost the API work.

    async def _worked_off(self, campaign_id: str) -> bool:
        done = "SELECT count(*) FROM referrals WHERE campaign_id = $1 AND status = 'completed'"
        return bool(await self.database.fetchval(done, campaign_id) >= self.size)

    async def _caught_up(self) -> bool:
        late = (
            "SELECT count(*) FROM referrals WHERE campaign_id = $1 AND status <> 'completed' "
            "AND created_at < now() - interval '2 s'"
        )
        return bool(await self.database.fetchval(late, self.campaign_id) == 0)

    async def _last(self, campaign_id: str, type: str) -> float:
        last = (
            "SELECT extract(epoch FROM max(written_at))::float8 FROM events "
            "WHERE campaign_id = $1 AND type = $2"
        )
        return float(await self.database.fetchval(last, campaign_id, type))

    async def _must_be_sequential(self, campaign_id: str) -> None:
        """All of the burst's conversions count, and their numbers are 1, 2, 3, … without a gap."""
        rows = await self.database.fetch(
            "SELECT ordinal FROM referrals WHERE campaign_id = $1 ORDER BY ordinal", campaign_id
        )
        ordinals = [row["ordinal"] for row in rows]
        if ordinals != list(range(1, self.size + 1)):
            raise AssertionError(f"the hot code's conversions are numbered {ordinals}")
