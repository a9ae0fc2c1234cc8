"""`make bench`: the engine compared with a bare workflow, on the same servers, in one run."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path
from uuid import uuid4

from temporalio.client import Client

from bench.speed import floor, history, latency, processor, statements
from bench.speed.engine import Engine
from bench.speed.load import Run, drive
from bench.speed.report import Figures, Rounds, report
from cli.stack.ports import Ports
from cli.stack.stack import Stack
from store.temporal.client import connect

REFERRALS = int(os.environ.get("BENCH_REFERRALS", "300"))
BURST = REFERRALS
AT_ONCE = 50
SINGLE = max(20, REFERRALS // 3)
COUNTED = 20
ROUNDS = 2


def main() -> None:
    """Run the whole bench on a temporary stack."""
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
    floors, engines = Rounds([], []), Rounds([], [])
    for number in range(ROUNDS):
        print(f"Round {number + 1} of {ROUNDS}: bare workflows, then referrals", flush=True)
        await _floor(client, stack, floors)
        await _engine(engine, engines)
    print("Single events, a burst, a steady pace, and what one referral asks for", flush=True)
    bare = await _bare_start(client)
    campaign_id, event = await engine.accept(SINGLE, 1)
    # The burst begins on a quiet stack, as in the compared run.
    await engine.finished(campaign_id, SINGLE)
    campaign_id, burst = await engine.accept(BURST, AT_ONCE)
    await engine.finished(campaign_id, BURST)
    friends = await latency.at_a_steady_pace(engine)
    cost = await history.of_one_referral(client, engine)
    campaign_id, codes = await engine.codes(COUNTED)
    async with statements.counted(stack) as asked:
        for code in codes:
            await engine.convert(code)
        await asyncio.sleep(3)  # `engine.finished` would send requests, which would be counted
    await engine.finished(campaign_id, COUNTED)
    report(Figures(floors, engines, bare, event, burst, AT_ONCE, cost, asked, COUNTED, friends))
    if os.environ.get("BENCH_STATEMENTS"):
        for text, times in asked.texts.most_common():
            print(f"{times / COUNTED:6.2f}  {text[:200]}")
    await engine.http.aclose()


async def _engine(engine: Engine, rounds: Rounds) -> None:
    before = processor.used(engine.stack)
    rounds.rates.append(await engine.complete(REFERRALS, AT_ONCE))
    rounds.used.append(processor.each(before, processor.used(engine.stack), REFERRALS))


async def _floor(client: Client, stack: Stack, rounds: Rounds) -> None:
    """Run bare workflows, from the first start until the last has closed."""
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.speed.floor", stdout=asyncio.subprocess.PIPE
    )
    try:
        if worker.stdout is not None:
            await worker.stdout.readline()
        run, before = uuid4().hex, processor.used(stack) | {"worker": processor.of(worker.pid)}
        began = time.perf_counter()
        await drive(REFERRALS, AT_ONCE, lambda n: floor.start(client, f"floor:{run}:{n}"))
        for number in range(REFERRALS):
            await client.get_workflow_handle(f"floor:{run}:{number}").result()
        rounds.rates.append(REFERRALS / (time.perf_counter() - began))
        after = processor.used(stack) | {"worker": processor.of(worker.pid)}
        used = processor.each(before, after, REFERRALS)
        rounds.used.append({name: used[name] for name in ("worker", "temporal")})
    finally:
        worker.terminate()
        await worker.wait()


async def _bare_start(client: Client) -> Run:
    """The latency of the client call alone, on a queue without workers."""
    run = uuid4().hex
    return await drive(SINGLE, 1, lambda n: floor.start(client, f"bare:{run}:{n}"))


if __name__ == "__main__":
    main()
