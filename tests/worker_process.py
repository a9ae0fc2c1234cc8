"""The worker as its own process, by the product's own command, with its log in a file."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from tests.said.notes import NOTES

GUERDON = str(Path(sys.executable).with_name("guerdon"))


class WorkerProcess:
    """A running `guerdon worker`."""

    def __init__(self, settings: Mapping[str, str], log: Path) -> None:
        self._log = log
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                [GUERDON, "worker"], env=_environment(settings), stdout=out, stderr=out
            )

    def log(self) -> str:
        """Everything that it wrote so far."""
        return self._log.read_text()

    async def says(self, words: str, seconds: float = 120) -> None:
        """Wait until its log has these words."""
        deadline = time.monotonic() + seconds
        while words not in self.log():
            assert self.process.poll() is None, self.log()
            assert time.monotonic() < deadline, self.log()
            await asyncio.sleep(0.05)

    async def stop(self) -> int:
        """Tell it to stop; its exit status."""
        self.process.terminate()
        try:
            return await asyncio.to_thread(self.process.wait, 30)
        finally:
            self.process.kill()
            NOTES.log(self._log)


@asynccontextmanager
async def worker_process(settings: Mapping[str, str], log: Path) -> AsyncIterator[WorkerProcess]:
    """Run it until it takes tasks, and stop it in the end."""
    running = WorkerProcess(settings, log)
    try:
        await running.says("worker.started")
        yield running
    finally:
        await running.stop()


def _environment(settings: Mapping[str, str]) -> dict[str, str]:
    # Nothing that this shell has set for Guerdon or Temporal may reach it.
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("GUERDON_", "TEMPORAL_"))
    }
    return kept | dict(settings)
