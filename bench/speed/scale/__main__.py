"""`make bench-scale`: how long every GET operation takes with N/100 referrals and with N.

Both sizes are asked in turn, so that other work on the machine slows both. Exits 1 when an
operation takes more than twice as long at N, or longer than its bound."""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median, quantiles
from typing import Any, NamedTuple
from uuid import uuid4

import asyncpg
import typer

from bench.speed.engine import Engine
from bench.speed.scale.fill import Filled
from bench.speed.scale.questions import Question, questions
from bench.speed.scale.template import make
from bench.speed.scale.twin import Twin
from cli.stack.ports import Ports
from cli.stack.stack import Stack
from store.counts.check import recount
from store.database import Database

TIMES = 30
GROWTH = 2.0
NOISE = 0.005
"""A growth of less than this, in seconds, is taken for noise."""
BOUND, BOUND_OF_REPORTS = 0.050, 0.200
_SUMS = ("/v1/reports/", "/summary", "/v1/ledger/balances")
_EVENTS = "POST /v1/events"
_NOT_THERE = (404, 410)
Ask = Callable[[], Awaitable[None]]


class Took(NamedTuple):
    """How long several calls of one operation took, in seconds."""

    median: float
    p95: float

    def __str__(self) -> str:
        return f"{1000 * self.median:8.1f} {1000 * self.p95:8.1f}"


class Line(NamedTuple):
    """One operation, measured at both sizes."""

    name: str
    few: Took
    many: Took

    def __str__(self) -> str:
        growth = self.many.median / self.few.median
        return f"{self.few} {self.many} {growth:6.1f} x  {self.name}"

    def wrong(self) -> list[str]:
        """What is wrong with it, as a sentence; None if it keeps its bounds."""
        found = []
        if self.many.median > GROWTH * self.few.median + NOISE:
            few, many = 1000 * self.few.median, 1000 * self.many.median
            found.append(f"{self.name} grew from {few:.1f} to {many:.1f} ms")
        bound = BOUND_OF_REPORTS if any(part in self.name for part in _SUMS) else BOUND
        if self.many.p95 > bound and self.name != _EVENTS:
            took = f"{1000 * self.many.p95:.0f} ms at p95, {1000 * bound:.0f} are allowed"
            found.append(f"{self.name} takes {took}")
        return found


def main(
    referrals: int = 1_000_000, few: int = 0, times: int = TIMES, home: Path | None = None
) -> None:
    """Fill a database to the smaller size, copy it, fill it to the larger size, and measure both.
    `few`: the smaller size, N/100 unless given. `home`: keep the databases there."""
    with (
        tempfile.TemporaryDirectory(prefix="guerdon-scale-") as thrown_away,
        Stack(home or Path(thrown_away), Ports.free(), say=print) as stack,
    ):
        lines = asyncio.run(measure(stack, few or referrals // 100, referrals, times))
    wrong = [sentence for line in lines for sentence in line.wrong()]
    for sentence in wrong:
        print(sentence)
    raise SystemExit(1 if wrong else 0)


async def measure(stack: Stack, few: int, referrals: int, times: int = TIMES) -> list[Line]:
    """Measure every operation at both sizes."""
    engine = Engine(stack)
    print(f"{await make(engine)} referrals made over HTTP", flush=True)
    document = (await engine.http.get("/openapi.json")).json()
    stack.stop("worker")
    stack.stop("api")
    filled = Filled(stack.urls.database)
    pattern = await filled.begin()
    await _fill(filled, few // pattern)
    async with Twin(stack, "few") as twin:
        await _fill(filled, referrals // pattern)
        stack.start("api")
        small = Engine(stack, twin.url)
        lines = await _lines(engine, small, document, times, (twin.database, filled.url))
        await small.http.aclose()
    await engine.http.aclose()
    return lines


async def _fill(filled: Filled, copies: int) -> None:
    began = time.perf_counter()
    await filled.grow(copies)
    database = Database(filled.url)
    await recount(database)
    await database.dispose()
    connection = await asyncpg.connect(filled.url)
    total = await connection.fetchval("SELECT count(*) FROM referrals")
    await connection.close()
    print(f"{total} referrals, filled in {time.perf_counter() - began:.0f} s", flush=True)


async def _lines(
    many: Engine,
    few: Engine,
    document: dict[str, Any],
    times: int,
    databases: tuple[str, str],
) -> list[Line]:
    small, large = [await _questions(url, document) for url in databases]
    print("    few: ms, p95    many: ms, p95   growth")
    lines = []
    for name in [name for name in large if name in small]:
        asks = [_get(few, small[name]), _get(many, large[name])]
        lines.append(Line(name, *await _timed(asks, times)))
        print(lines[-1], flush=True)
    conversions = [await _conversion(engine) for engine in (few, many)]
    lines.append(Line(_EVENTS, *await _timed(conversions, times)))
    print(lines[-1], flush=True)
    return lines


async def _questions(url: str, document: dict[str, Any]) -> dict[str, Question]:
    connection = await asyncpg.connect(url)
    try:
        return {asked.name: asked for asked in await questions(connection, document)}
    finally:
        await connection.close()


def _get(engine: Engine, question: Question) -> Ask:
    dice = random.Random(question.name)

    async def ask() -> None:
        path, query = question.draw(dice)
        answer = await engine.http.get(path, params=query)
        if answer.status_code >= 400 and answer.status_code not in _NOT_THERE:
            raise RuntimeError(f"{question.name}: {answer.status_code} {answer.text[:300]}")

    return ask


async def _conversion(engine: Engine) -> Ask:
    _, code = await engine.code(f"scale {uuid4().hex}")

    async def convert() -> None:
        await engine.convert(code)

    return convert


async def _timed(asks: list[Ask], times: int) -> list[Took]:
    """Time both sizes in turn, after two calls of each to warm up."""
    took: list[list[float]] = [[] for _ in asks]
    for number in range(times + 2):
        for ask, seconds in zip(asks, took, strict=True):
            began = time.perf_counter()
            await ask()
            if number > 1:
                seconds.append(time.perf_counter() - began)
    return [Took(median(seconds), quantiles(seconds, n=20)[-1]) for seconds in took]


if __name__ == "__main__":
    typer.run(main)
