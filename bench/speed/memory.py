"""Watches the memory of a process, and checks that it does not grow with the data."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from sys import executable

import psutil

GUERDON = str(Path(executable).with_name("guerdon"))
MORE = 64_000_000
"""How many bytes more a long file may take than a short one. A million rows kept in memory would
take several times as much."""


class Peak:
    """The most memory that the watched processes held, in bytes."""

    held = 0

    def watch(self, process: subprocess.Popen[bytes]) -> None:
        try:
            self.held = max(self.held, psutil.Process(process.pid).memory_info().rss)
        except psutil.NoSuchProcess:
            return

    def of(self, process: subprocess.Popen[bytes]) -> int:
        """Watch it to its end; its exit status."""
        while process.poll() is None:
            self.watch(process)
            time.sleep(0.05)
        return process.returncode


def told(held: int) -> str:
    return f"{held / 1e6:.0f} MB"


def require_flat(what: str, short: int, long: int) -> None:
    """End the run when the long file took more memory than a flat reader would."""
    if long > short + MORE:
        raise SystemExit(f"{what}: {told(long)} is not flat beside {told(short)}")
