"""Watches an API's event loop from a separate process, so that work of this one delays nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

LONGEST_BLOCK = 0.2
"""The longest that an event loop may be blocked, in seconds."""


@dataclass
class LoopWatch:
    """The result, complete once the watch is over. `longest`: the most seconds until /healthz
    answered. `blocked`: the same without the time for which a thread waited for a free
    processor."""

    longest: float = 0.0
    blocked: float = 0.0

    def __str__(self) -> str:
        return (
            f"the loop stood still for {1000 * self.blocked:.0f} ms at most "
            f"({1000 * self.longest:.0f} ms with waiting for a processor)"
        )


@contextmanager
def watched_loop(port: int, api: int) -> Iterator[LoopWatch]:
    """Watch for the block's time the API with that port and process id."""
    argv = [sys.executable, "-m", "bench.speed.probe", str(port), str(api)]
    probe = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    seen = LoopWatch()
    try:
        yield seen
    finally:
        said, _ = probe.communicate("\n")
        seen.longest, seen.blocked = (float(each) for each in said.split())
