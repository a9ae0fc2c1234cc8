"""All five providers in a process of their own, as the command starts them."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from cli.stack.child import Child
from cli.stack.ports import Ports
from tests.said.notes import NOTES


@contextmanager
def running_simulator(home: Path) -> Iterator[str]:
    """The simulator on a free port, until the block ends; gives its address."""
    port = Ports.free().resolve().simulator
    program = str(Path(sys.executable).with_name("guerdon"))
    argv = [program, "simulator", "--port", str(port), "--state", str(home / "state")]
    process = Child("simulator", argv, {}, home / "simulator.log")
    process.start()
    url = f"http://127.0.0.1:{port}"
    while not _answers(url):
        assert process.running(), process.last_lines()
        time.sleep(0.05)
    yield url
    process.send(process.stop_signal)
    process.wait()
    NOTES.log(process.log)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/_control/stats").is_success
    except httpx.TransportError:
        return False
