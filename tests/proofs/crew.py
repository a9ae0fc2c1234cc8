"""Eight operating-system processes against one PostgreSQL, and a gate before each lock.

A schedule is eight tasks, one a process. Whenever a task is about to lock, to insert what may be
there already, or to compare and set, its process waits at the gate until all who still play have
come, or for a few milliseconds: so the tasks meet at their locks, in another order each time."""

from __future__ import annotations

import asyncio
import gc
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
from tests.forks import FORKS
from tests.proofs.deeds import DEEDS, Deed
from tests.proofs.deeds_of_codes import DEEDS_OF_CODES
from tests.proofs.deeds_of_returns import DEEDS_OF_RETURNS

PARTIES = 8
PATIENCE = 0.006
"""Seconds that a gate waits for others who may not come: they can be waiting for our lock."""
_ALL_DEEDS = DEEDS | DEEDS_OF_CODES | DEEDS_OF_RETURNS
_GATED = re.compile(r"FOR (NO KEY )?UPDATE|FOR SHARE|ON CONFLICT|^\s*UPDATE ", re.DOTALL)


class Gate:
    """Where the processes meet. The last to come opens it; who has finished is not waited for."""

    def __init__(self) -> None:
        self._changed = FORKS.Condition()
        self._playing = FORKS.RawValue("i", 0)
        self._waiting = FORKS.RawValue("i", 0)
        self._opened = FORKS.RawValue("i", 0)

    def begin(self, playing: int) -> None:
        """A schedule of so many processes."""
        with self._changed:
            self._playing.value, self._waiting.value = playing, 0

    def finish(self) -> None:
        """One of them has done its deeds."""
        with self._changed:
            self._playing.value -= 1
            self._open_if_all_have_come()

    def wait(self, dice: random.Random) -> None:
        """For the others, or until the patience is at its end."""
        with self._changed:
            turn = self._opened.value
            self._waiting.value += 1
            self._open_if_all_have_come()
            if not self._changed.wait_for(lambda: self._opened.value != turn, PATIENCE):
                self._waiting.value -= 1
        time.sleep(dice.random() * 0.001)

    def _open_if_all_have_come(self) -> None:
        if self._waiting.value >= self._playing.value:
            self._waiting.value = 0
            self._opened.value += 1
            self._changed.notify_all()


class Crew:
    """The processes. Give each a deed; they begin together, and answer what came of it."""

    def __init__(self, database_url: str, without: Sequence[Rewrite] = ()) -> None:
        self._gate = Gate()
        self._lines: list[Connection] = []
        self._processes = []
        for number in range(PARTIES):
            ours, theirs = FORKS.Pipe()
            process = FORKS.Process(
                target=_work,
                args=(database_url, tuple(without), self._gate, theirs, number),
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
        self._gate.begin(sum(bool(each) for each in deeds))
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
    url: str, without: tuple[Rewrite, ...], gate: Gate, line: Connection, number: int
) -> None:
    gc.freeze()  # the modules stay; else every full collection walks through them
    dice = random.Random()
    rewrite(*without)

    def before(_: Any, __: Any, statement: str, *___: Any) -> None:
        if _GATED.search(statement):
            gate.wait(dice)

    event.listen(Engine, "before_cursor_execute", before)
    asyncio.run(_serve(url, line, gate, dice, number))


async def _serve(url: str, line: Connection, gate: Gate, dice: random.Random, number: int) -> None:
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
                await _ALL_DEEDS[deed.name](database, *deed.about)
            except Exception as error:
                said = (str(error) or repr(error)).splitlines()[0].rpartition(") ")[2]
                failures.append(f"{deed.name}: {type(error).__name__}: {said}")
        if deeds:
            gate.finish()
        line.send(failures)
    await database.dispose()
