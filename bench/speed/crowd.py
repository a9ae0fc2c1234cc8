"""`make bench-crowd`: `POST /v1/events` alone, and beside stalled clients.

The crowd: 32 uploads that stop in the middle, 40 readers of a CSV list that do not read, 200
connections with incomplete headers, and a finance key that sends ten megabytes of `{}` again and
again. Disconnected clients come back. Rounds with and without the crowd alternate in one run.
Loopback only. Exits 1 when an event's p95 more than doubles, the API's event loop blocks for longer
than 200 ms, or its memory grows."""

from __future__ import annotations

import asyncio
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import psutil
import typer

from bench.speed.crowd_clients import HALF_OPEN, READERS, UPLOADS, Crowd
from bench.speed.engine import Engine
from bench.speed.load import Run
from bench.speed.loop_watch import LONGEST_BLOCK, LoopWatch, watched_loop
from bench.speed.memory import told
from cli.stack.ports import Ports
from cli.stack.stack import Stack
from store.access.api_keys import create_key_sync

ORDERS = 20_000
"""Orders that a CSV list returns: more than the buffers between the API and a client hold."""
MORE_MEMORY = 150_000_000
_COPIES = """
INSERT INTO orders
SELECT (jsonb_populate_record(one, jsonb_build_object(
    'id', one.id || n, 'key', one.key || n, 'hook_token', one.hook_token || n,
    'generation', n, 'provider_order_id', n))).*
FROM orders one, generate_series(2, $1::int) n WHERE one.id = (SELECT min(id) FROM orders)"""


@dataclass
class Measured:
    """Events with and without the crowd; the API's event loop and peak memory with the crowd."""

    usual: list[float] = field(default_factory=list)
    beside: list[float] = field(default_factory=list)
    loop: LoopWatch = field(default_factory=LoopWatch)
    memory_before: int = 0
    memory: int = 0

    def p95(self, latencies: list[float]) -> float:
        return Run(1, latencies).percentile(95)

    @property
    def ratio(self) -> float:
        return self.p95(self.beside) / self.p95(self.usual)

    def __str__(self) -> str:
        return (
            f"POST /v1/events p95 {self.p95(self.usual):.1f} ms as usual, "
            f"{self.p95(self.beside):.1f} ms beside {UPLOADS} stalled uploads, {READERS} stalled "
            f"readers, {HALF_OPEN} half-open connections and 10 MB bodies: "
            f"{self.ratio:.2f} times; "
            f"{self.loop}; the API's memory "
            f"{told(self.memory_before)}, at most {told(self.memory)}"
        )


async def measure(stack: Stack, events: int, rounds: int) -> Measured:
    """Send this many events in each round, one after the other, once without and once with the
    crowd."""
    engine = Engine(stack)
    await engine.prepare()
    _, codes = await engine.codes(8)

    async def drive(events: int) -> list[float]:
        """Send this many events one after the other; return the seconds that each took."""
        latencies: list[float] = []
        for number in range(events):
            began = time.perf_counter()
            await engine.convert(codes[number % len(codes)])
            latencies.append(time.perf_counter() - began)
            await asyncio.sleep(0.02)
        return latencies

    await engine.complete(1, 1)
    await _fill(stack)
    crowd = Crowd(
        stack.ports.api,
        _who(stack.info.app_id, stack.info.app_token),
        _who(*await asyncio.to_thread(create_key_sync, stack.urls.database, "finance")),
    )
    api = psutil.Process(stack.info.api.pid if stack.info.api else 0)
    measured = Measured()
    async with crowd.around():  # warm: connections, statements, routes
        await drive(events // 2)
    measured.memory_before = api.memory_info().rss
    for _ in range(rounds):
        measured.usual += await drive(events)
        async with crowd.around():
            watching = asyncio.create_task(_watch(api, measured))
            with watched_loop(stack.ports.api, api.pid) as seen:
                measured.beside += await drive(events)
            watching.cancel()
            measured.loop.longest = max(measured.loop.longest, seen.longest)
            measured.loop.blocked = max(measured.loop.blocked, seen.blocked)
    await engine.http.aclose()
    return measured


def _who(app_id: str, token: str) -> str:
    return f"X-App-Id: {app_id}\r\nX-App-Token: {token}\r\n"


async def _fill(stack: Stack) -> None:
    connection = await asyncpg.connect(stack.urls.database)
    await connection.execute(_COPIES, ORDERS)
    await connection.execute("ANALYZE orders")
    await connection.close()


async def _watch(api: psutil.Process, measured: Measured) -> None:
    while True:
        measured.memory = max(measured.memory, api.memory_info().rss)
        await asyncio.sleep(0.1)


def main(events: int = 75, rounds: int = 8) -> None:
    """Run on a temporary stack."""
    with (
        tempfile.TemporaryDirectory(prefix="guerdon-bench-") as home,
        Stack(Path(home), Ports.free(), say=print) as stack,
    ):
        measured = asyncio.run(measure(stack, events, rounds))
    print(measured)
    flat = measured.memory < measured.memory_before + MORE_MEMORY
    if measured.ratio > 2 or measured.loop.blocked > LONGEST_BLOCK or not flat:
        raise SystemExit("not as it should be")


if __name__ == "__main__":
    typer.run(main)
