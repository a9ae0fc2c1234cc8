"""`make hot-code`: 200 friends convert with one referrer's code in the same instant, while another
campaign runs at its usual pace. Measures how much later the other campaign's friends are served
than in quiet times of the same run. Exits 1 if a p95 more than doubles."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles
from typing import Annotated, Self
from uuid import uuid4

import asyncpg
import httpx
import psutil
import typer
from rich.console import Console
from rich.table import Table

from bench.speed.engine import Engine, conversion
from bench.speed.steady import MEASURES, PACE, Friend, Steady, clock_events, look_up
from cli.stack.ports import Ports
from cli.stack.stack import Stack

HOT = 200
"""How many conversions of one code are sent at once."""
BOUND = 2.0
REFERRERS = 8
"""Referrers of the other campaign."""


@dataclass(frozen=True)
class Round:
    """How one round's burst went, in seconds from its first request."""

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
    """The measurement. A friend of the other campaign counts as served beside the burst if it
    converts between the burst's first request and its last card. Friends before and after would
    only make the figures look better."""

    engine: Engine
    database: asyncpg.Connection
    steady: Steady
    campaign_id: str
    size: int
    """Conversions of the hot code, at once."""
    rounds: list[Round] = field(default_factory=list)
    busy: list[float] = field(default_factory=list)
    """How busy the whole machine was in each quiet stretch, in percent. On a busy machine the
    figures say more about the other work."""
    _last_took: float = 12
    _quiet: list[tuple[float, float]] = field(default_factory=list)
    _hot: list[tuple[float, float]] = field(default_factory=list)

    @classmethod
    async def open(cls, stack: Stack, pace: float, size: int) -> Self:
        """Make the other campaign and start its friends."""
        engine = Engine(stack)
        await engine.prepare()
        database = await asyncpg.connect(stack.urls.database)
        await clock_events(database)
        campaign_id, codes = await engine.codes(REFERRERS)
        return cls(engine, database, Steady(engine, codes, pace), campaign_id, size)

    async def close(self) -> None:
        """Wait for the last friends, and look up when each was served."""
        await self.engine.finished(self.campaign_id, len(self.steady.friends))
        await look_up(self.database, self.steady.friends)
        await self.database.close()
        await self.engine.http.aclose()

    async def round(self, quiet: float | None = None) -> None:
        """A quiet stretch of this many seconds, or as long as the last burst took; then a burst,
        until its last card is delivered."""
        await self._until(self._caught_up, "the other campaign's friends completed")
        began = time.time()
        psutil.cpu_percent()
        await asyncio.sleep(self._last_took if quiet is None else quiet)
        self.busy.append(psutil.cpu_percent())
        self._quiet.append((began, time.time()))
        campaign_id, code = await self.engine.code()
        began, answered = await burst(self.engine, code, self.size)
        await self._until(
            lambda: self._worked_off(campaign_id),
            f"{self.size} conversions of the hot code completed",
        )
        self._hot.append((began, time.time()))
        qualified, completed = [
            await self._last(campaign_id, f"referral.{what}") for what in ("qualified", "completed")
        ]
        self.rounds.append(Round(self.size, answered, qualified - began, completed - began))
        self._last_took = self.rounds[-1].completed
        await self._must_be_sequential(campaign_id)
        await asyncio.sleep(1)

    def forget(self) -> None:
        """Drop what was measured so far: it was the warm-up."""
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
        """The p95 beside the burst, divided by the p95 in quiet times."""
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

    # Read from the database, so that the measurement does not load the API.

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
        """Check that every conversion of the burst counted, with the numbers 1, 2, 3, … without a
        gap."""
        rows = await self.database.fetch(
            "SELECT ordinal FROM referrals WHERE campaign_id = $1 ORDER BY ordinal", campaign_id
        )
        ordinals = [row["ordinal"] for row in rows]
        if ordinals != list(range(1, self.size + 1)):
            raise AssertionError(f"the hot code's conversions are numbered {ordinals}")


async def burst(engine: Engine, code: str, count: int) -> tuple[float, float]:
    """Send conversions of one code in the same instant, each on its own connection. Return when it
    began, in seconds since the epoch, and after how many seconds the last was answered. Raises
    RuntimeError unless every one was accepted.

    The connections are open and the requests prepared before, so that the product is measured and
    not this client."""
    url = httpx.URL(engine.stack.urls.api)
    lines = [await asyncio.open_connection(url.host, url.port) for _ in range(count)]
    requests = [_request(engine, code) for _ in lines]
    began, clock = time.time(), time.perf_counter()
    for (_, writer), request in zip(lines, requests, strict=True):
        writer.write(request)
    latencies = await asyncio.gather(*(_answered(reader, clock) for reader, _ in lines))
    for _, writer in lines:
        writer.close()
    return began, max(latencies)


def _request(engine: Engine, code: str) -> bytes:
    body = json.dumps(conversion(code, uuid4().hex)).encode()
    info = engine.stack.info
    head = (
        "POST /v1/events HTTP/1.1\r\n"
        "Host: guerdon\r\n"
        f"X-App-Id: {info.app_id}\r\n"
        f"X-App-Token: {info.app_token}\r\n"
        "Content-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _answered(reader: asyncio.StreamReader, began: float) -> float:
    head = await reader.readuntil(b"\r\n\r\n")
    taken = time.perf_counter() - began
    status = int(head.split(b" ", 2)[1])
    if status != 200:
        raise RuntimeError(f"the burst: {status} {(await reader.read(300))!r}")
    return taken


def main(
    pace: Annotated[float, typer.Option(help="Friends a second of the other campaign.")] = PACE,
    enough: Annotated[int, typer.Option(help="Friends that a p95 is taken of, each side.")] = 100,
) -> None:
    """Measure on a stack of its own, thrown away in the end."""
    # A production setting: the sandbox is for tests and CI.
    os.environ["GUERDON_SANDBOX"] = "false"
    with (
        tempfile.TemporaryDirectory(prefix="guerdon-bench-") as home,
        Stack(Path(home), Ports.free(), say=print) as stack,
    ):
        hot = asyncio.run(_measure(stack, pace, enough))
    _report(hot)
    raise typer.Exit(int(max(hot.ratio(measure) for measure in MEASURES) >= BOUND))


async def _measure(stack: Stack, pace: float, enough: int) -> Hot:
    hot = await Hot.open(stack, pace, HOT)
    async with hot.steady.running():
        await hot.round(quiet=3)  # warm: connections, caches, compiled statements
        hot.forget()
        while min(hot.count(), hot.count(hot=True)) < enough:
            await hot.round()
            print(f"round {len(hot.rounds)}: {hot.rounds[-1]}")
    await hot.close()
    return hot


def _report(hot: Hot) -> None:
    title = (
        f"{hot.count()} friends in quiet times, {hot.count(hot=True)} while {HOT} conversions of "
        f"another campaign's code are worked off, {len(hot.rounds)} rounds; in quiet times the "
        f"machine is {sum(hot.busy) / len(hot.busy):.0f} % busy"
    )
    table = Table("the other campaign's", "quiet", "beside the hot code", "ratio", title=title)
    for measure in MEASURES:
        for percent in (50, 95):
            sides = [hot.percentile(measure, percent, hot=side) for side in (False, True)]
            _add(table, f"{measure}, p{percent}", *sides)
        _add(
            table, f"{measure}, the slowest", *(hot.slowest(measure, hot=s) for s in (False, True))
        )
    Console(width=120).print(table)


def _add(table: Table, words: str, quiet: float, beside: float) -> None:
    table.add_row(words, f"{quiet:.0f} ms", f"{beside:.0f} ms", f"{beside / quiet:.2f}")


if __name__ == "__main__":
    typer.run(main)
