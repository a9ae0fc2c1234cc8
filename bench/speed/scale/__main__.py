"""`make bench-scale`: what every GET operation takes at a hundredth of the referrals, and at all.

Exits 1 when one grows to more than twice its time, or takes longer than its bound.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median, quantiles
from typing import NamedTuple
from uuid import uuid4

import asyncpg
import typer

from bench.speed.engine import Engine
from bench.speed.scale.fill import Filled
from bench.speed.scale.questions import Question, left_out, questions
from bench.speed.scale.template import make
from cli.stack.ports import Ports
from cli.stack.stack import Stack
from store.database import Database
from store.ledger.rollup import sum_up

TIMES = 30
GROWTH = 2.0
NOISE = 0.005
"""Seconds within which a growth is the machine's own."""
BOUND, BOUND_OF_REPORTS = 0.050, 0.200
_SUMS = ("/v1/reports/", "/summary", "/v1/ledger/balances")


class Took(NamedTuple):
    """Seconds, of so many calls."""

    median: float
    p95: float

    def __str__(self) -> str:
        return f"{1000 * self.median:8.1f} {1000 * self.p95:8.1f}"


def main(referrals: int = 1_000_000, few: int = 0, times: int = TIMES) -> None:
    """Fill, measure, fill, measure. `few`: the smaller size, a hundredth unless given."""
    with (
        tempfile.TemporaryDirectory(prefix="guerdon-scale-") as home,
        Stack(Path(home), Ports.free(), say=print) as stack,
    ):
        wrong = asyncio.run(measure(stack, few or referrals // 100, referrals, times))
    for sentence in wrong:
        print(sentence)
    raise SystemExit(1 if wrong else 0)


async def measure(stack: Stack, fewer: int, referrals: int, times: int = TIMES) -> list[str]:
    """Both sizes; answers a sentence for each operation that grows too much or takes too long."""
    engine = Engine(stack)
    print(f"{await make(engine)} referrals made over HTTP", flush=True)
    stack.stop("worker")
    filled = Filled(await asyncpg.connect(stack.urls.database))
    pattern = await filled.begin()
    document = (await engine.http.get("/openapi.json")).json()
    few = await _at(stack, engine, filled, fewer // pattern, document, times)
    many = await _at(stack, engine, filled, referrals // pattern, document, times)
    await filled.connection.close()
    await engine.http.aclose()
    return [sentence for name in many for sentence in _judge(name, few.get(name), many[name])]


async def _at(
    stack: Stack,
    engine: Engine,
    filled: Filled,
    copies: int,
    document: dict[str, object],
    times: int,
) -> dict[str, Took]:
    began = time.perf_counter()
    await filled.grow(copies, lambda _: None)
    database = Database(stack.urls.database)
    await sum_up(database)
    await database.dispose()
    total = await filled.connection.fetchval("SELECT count(*) FROM referrals")
    print(f"{total} referrals, filled in {time.perf_counter() - began:.0f} s", flush=True)
    asked = await questions(filled.connection, document)
    for path in left_out(document, asked):
        print(f"    not asked, for there is none: GET {path}")
    answers = {q.name: await _timed(_get(engine, q), times) for q in asked}
    answers["POST /v1/events"] = await _timed(await _conversion(engine), times)
    for name, took in answers.items():
        print(f"{took}  {name}", flush=True)
    return answers


def _get(engine: Engine, question: Question) -> Callable[[], Awaitable[None]]:
    dice = random.Random(question.name)

    async def ask() -> None:
        path, query = question.draw(dice)
        answer = await engine.http.get(path, params=query)
        if answer.status_code >= 500:
            raise RuntimeError(f"{question.name}: {answer.status_code} {answer.text[:300]}")

    return ask


async def _conversion(engine: Engine) -> Callable[[], Awaitable[None]]:
    _, code = await engine.code(f"scale {uuid4().hex}")

    async def convert() -> None:
        await engine.convert(code)

    return convert


async def _timed(call: Callable[[], Awaitable[None]], times: int) -> Took:
    """After two calls that warm up."""
    took = []
    for number in range(times + 2):
        began = time.perf_counter()
        await call()
        if number > 1:
            took.append(time.perf_counter() - began)
    return Took(median(took), quantiles(took, n=20)[-1])


def _judge(name: str, few: Took | None, many: Took) -> list[str]:
    wrong = []
    if few and many.median > GROWTH * few.median + NOISE:
        wrong.append(f"{name} grew from {1000 * few.median:.1f} to {1000 * many.median:.1f} ms")
    bound = BOUND_OF_REPORTS if any(part in name for part in _SUMS) else BOUND
    if name.startswith("GET") and many.p95 > bound:
        wrong.append(
            f"{name} takes {1000 * many.p95:.0f} ms at p95, {1000 * bound:.0f} are allowed"
        )
    return wrong


if __name__ == "__main__":
    typer.run(main)
