"""`make bench`: the engine beside a bare workflow, on the same servers, in one run."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path
from uuid import uuid4

from rich.console import Console
from rich.table import Table
from temporalio.client import Client

from bench.speed import floor, history
from bench.speed.engine import Engine
from bench.speed.load import Run, drive
from cli.stack.ports import Ports
from cli.stack.stack import Stack
from store.temporal.client import connect

REFERRALS = int(os.environ.get("BENCH_REFERRALS", "300"))
BURST = 300
AT_ONCE = 50
SINGLE = 100
ROUNDS = 2
PEER = "172/s, p50 292 ms, p95 338 ms, no order placed (reference/peers.md §2.2)"


def main() -> None:
    """Run the whole bench on a stack of its own, thrown away in the end."""
    # A production setting: the sandbox is for tests and CI. Floor and engine run alike.
    os.environ["GUERDON_SANDBOX"] = "false"
    with tempfile.TemporaryDirectory(prefix="guerdon-bench-") as home:
        ports = Ports.free()
        with Stack(Path(home), ports, say=print) as stack:
            os.environ.update(stack.environment)
            asyncio.run(_measure(stack))


async def _measure(stack: Stack) -> None:
    client, engine = await connect(), Engine(stack)
    await engine.prepare()
    await engine.complete(20, 10)  # warm: connections, caches, compiled statements
    floors, engines = [], []
    for _ in range(ROUNDS):
        floors.append(await _floor(client))
        engines.append(await engine.complete(REFERRALS, AT_ONCE))
    bare = await _bare_start(client)
    campaign_id, event = await engine.accept(SINGLE, 1)
    # The burst begins on a quiet stack, as the peer's did.
    await engine.finished(campaign_id, SINGLE)
    campaign_id, burst = await engine.accept(BURST, AT_ONCE)
    await engine.finished(campaign_id, BURST)
    cost = await history.of_one_referral(client, engine)
    _report(max(floors), max(engines), bare, event, burst, cost)
    await engine.http.aclose()


async def _floor(client: Client) -> float:
    """Bare workflows a second, from the first start until the last has closed."""
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.speed.floor", stdout=asyncio.subprocess.PIPE
    )
    try:
        if worker.stdout is not None:
            await worker.stdout.readline()
        run = uuid4().hex
        began = time.perf_counter()
        await drive(REFERRALS, AT_ONCE, lambda n: floor.start(client, f"floor:{run}:{n}"))
        for number in range(REFERRALS):
            await client.get_workflow_handle(f"floor:{run}:{number}").result()
        return REFERRALS / (time.perf_counter() - began)
    finally:
        worker.terminate()
        await worker.wait()


async def _bare_start(client: Client) -> Run:
    """Latency of the client call alone, on a queue that nobody works off."""
    run = uuid4().hex
    return await drive(SINGLE, 1, lambda n: floor.start(client, f"bare:{run}:{n}"))


def _report(
    floor_rate: float, engine_rate: float, bare: Run, event: Run, burst: Run, cost: history.Cost
) -> None:
    table = Table("measure", "bare Temporal", "Guerdon", "ratio", title="Guerdon, side by side")
    ratio = engine_rate / floor_rate
    table.add_row(
        "referrals completed a second", f"{floor_rate:.1f}", f"{engine_rate:.1f}", f"{ratio:.2f}"
    )
    for percent in (50, 95):
        ours, theirs = event.percentile(percent), bare.percentile(percent)
        table.add_row(
            f"POST /v1/events beside signal_with_start, p{percent}",
            f"{theirs:.1f} ms",
            f"{ours:.1f} ms",
            f"{ours / theirs:.2f}",
        )
    table.add_row(
        f"conversions accepted a second, {AT_ONCE} at once",
        f"peer: {PEER}",
        f"{burst.per_second:.0f}/s, p50 {burst.percentile(50):.0f} ms, "
        f"p95 {burst.percentile(95):.0f} ms",
        f"{burst.per_second / 172:.2f}",
    )
    table.add_row(
        "a referral's history", "", f"{cost.events} events, {cost.bytes / 1024:.1f} KB", ""
    )
    table.add_row("a referral's Temporal Cloud actions", "", str(cost.actions), "")
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
