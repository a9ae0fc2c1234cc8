"""Ends processes with SIGKILL at random moments, most of them while many orders are in flight."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from bench.proofs.chaos.peek import peek
from cli.stack.stack import Stack

KINDS = ("api", "worker", "temporal", "simulator", "postgres")
MANY = 10
"""Orders in flight that make a kill more useful."""
MOMENT = 0.6
"""Seconds before a kill in which friends come all at once."""
LEISURELY, HURRIED = (1.0, 5.0), (0.0, 0.4)
"""Minimum and maximum seconds between two kills. When hurried, a kill meets what the last one left
half done."""
_IN_FLIGHT = "SELECT 1 FROM grants WHERE status IN ('ordering', 'ordered')"


@dataclass
class Killer:
    """Kills in rounds: each round kills every kind of process once, in a random order."""

    stack: Stack
    kills: int
    kinds: tuple[str, ...]
    dice: random.Random
    say: Callable[[str], None]
    hurry: bool = False
    at_half: Callable[[], object] | None = None
    """Called in a thread once half of the kills are done."""
    patience: float = 8.0
    """Seconds that a kill waits for many orders to be in flight, unless hurried."""
    done: Counter[str] = field(default_factory=Counter)
    amid_many: int = 0
    _announced: int = 0
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def about_to(self, kill: int) -> None:
        """Wait until just before the kill of that number, from 1 on."""
        async with self._news:
            await self._news.wait_for(lambda: self._announced >= kill)

    async def run(self) -> None:
        """Kill this many times."""
        for kind in self._victims():
            await asyncio.sleep(self.dice.uniform(*(HURRIED if self.hurry else LEISURELY)))
            orders = await (self._in_flight() if self.hurry else self._until_many())
            await self._announce()
            await asyncio.to_thread(self.stack.kill, kind, signal.SIGKILL)
            self.done[kind] += 1
            self.amid_many += orders >= MANY
            self.say(f"kill {self.done.total()} of {self.kills}: {kind}, {orders} in flight")
            if self.at_half and self.done.total() == self.kills // 2:
                await asyncio.to_thread(self.at_half)

    async def _announce(self) -> None:
        """Friends come just before a kill, so that it interrupts requests."""
        async with self._news:
            self._announced += 1
            self._news.notify_all()
        await asyncio.sleep(self.dice.uniform(0, MOMENT))

    def too_tame(self) -> list[str]:
        """Problems of the run itself: every kill must have happened, most of them with many orders
        in flight. Not checked for few or hurried kills."""
        found = []
        if self.done.total() != self.kills:
            found.append(f"{self.done.total()} kills, {self.kills} were due")
        if self.kills >= 2 * len(KINDS) and not self.hurry and self.amid_many * 2 <= self.kills:
            found.append(f"only {self.amid_many} kills met {MANY} orders in flight")
        return found

    def _victims(self) -> list[str]:
        kinds = len(self.kinds)
        rounds = [self.dice.sample(self.kinds, kinds) for _ in range(-(-self.kills // kinds))]
        return [kind for turn in rounds for kind in turn][: self.kills]

    async def _until_many(self) -> int:
        deadline, orders = time.monotonic() + self.patience, 0
        while time.monotonic() < deadline:
            orders = await self._in_flight()
            if orders >= MANY:
                break
            await asyncio.sleep(0.2)
        return orders

    async def _in_flight(self) -> int:
        return len(await peek(self.stack.urls.database, _IN_FLIGHT))
