"""Eight operating-system processes against one PostgreSQL, and a gate before each lock.

A schedule is eight tasks, one a process. Whenever a task is about to lock, to insert what may be
there already, or to compare and set, its process waits at the gate until the others have come, or
for a few milliseconds: so the tasks meet at their locks, in another order each time.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import random
import re
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

from bench.proofs.rewriting import Rewrite, rewrite
from store.database import Database
from tests.proofs.deeds import DEEDS, Deed
from tests.proofs.deeds_of_codes import DEEDS_OF_CODES

PARTIES = 8
PATIENCE = 0.006
"""Seconds that a gate waits for others who may not come: they can be waiting for our lock."""
_GATED = re.compile(r"FOR (NO KEY )?UPDATE|ON CONFLICT|^\s*UPDATE ", re.DOTALL)
_FORKS = multiprocessing.get_context("forkserver")
# Imported once, and not eight times.
_FORKS.set_forkserver_preload(
    [
        "store.qualification.qualify",
        "store.redemptions.redeem",
        "store.reversals.carry_out",
        "store.campaigns.revise",
        "store.orders.attempts",
        "bench.proofs.rewriting",
    ]
)


class Crew:
    """The processes. Give each a deed; they begin together, and answer what came of it."""

    def __init__(self, database_url: str, without: Sequence[Rewrite] = ()) -> None:
        self._at_gate = _FORKS.Value("i", 0)
        self._lines: list[Connection] = []
        self._processes = []
        for number in range(PARTIES):
            ours, theirs = _FORKS.Pipe()
            process = _FORKS.Process(
                target=_work,
                args=(database_url, tuple(without), self._at_gate, theirs, number),
                daemon=True,
            )
            process.start()
            theirs.close()  # else its death would not be heard
            self._lines.append(ours)
            self._processes.append(process)
        for line in self._lines:
            line.recv()  # it has come up, which takes its time

    def play(self, deeds: Sequence[Sequence[Deed]], seed: int) -> list[str]:
        """One list of deeds a process. Answers the failures that nobody expected."""
        for number, line in enumerate(self._lines):
            line.send((list(deeds[number]) if number < len(deeds) else [], seed))
        return [failure for line in self._lines for failure in line.recv()]

    def dismiss(self) -> None:
        """End the processes."""
        for line in self._lines:
            line.send(None)
        for process in self._processes:
            process.join(10)


def _work(
    url: str, without: tuple[Rewrite, ...], at_gate: Any, line: Connection, number: int
) -> None:
    dice = random.Random()
    rewrite(*without)

    def gate(_: Any, __: Any, statement: str, *___: Any) -> None:
        if _GATED.search(statement):
            _pause(at_gate, dice)

    event.listen(Engine, "before_cursor_execute", gate)
    asyncio.run(_serve(url, line, dice, number))


def _pause(at_gate: Any, dice: random.Random) -> None:
    with at_gate:
        at_gate.value += 1
    deadline = time.monotonic() + PATIENCE
    while at_gate.value < PARTIES and time.monotonic() < deadline:
        time.sleep(0.0005)
    time.sleep(dice.random() * 0.001)
    with at_gate:
        at_gate.value -= 1


async def _serve(url: str, line: Connection, dice: random.Random, number: int) -> None:
    database = Database(url, pool=2)
    async with database.reading() as session:
        await session.connection()
    line.send([])
    while (task := await asyncio.to_thread(line.recv)) is not None:
        deeds, seed = task
        dice.seed(seed * PARTIES + number)
        failures = []
        for deed in deeds:
            try:
                await (DEEDS | DEEDS_OF_CODES)[deed.name](database, *deed.about)
            except Exception as error:
                said = (str(error) or repr(error)).splitlines()[0].rpartition(") ")[2]
                failures.append(f"{deed.name}: {type(error).__name__}: {said}")
        line.send(failures)
    await database.dispose()
