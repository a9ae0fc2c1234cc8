"""Guerdon's own processes, forked from one that has loaded the product.

To load it takes seconds of processor time for each process; a fork takes milliseconds, so that one
that was killed is soon back."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from multiprocessing import forkserver
from multiprocessing.connection import wait
from pathlib import Path

LOADED = ("api.server", "api.app", "worker.main", "simulator.server")
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(list(LOADED))


def load() -> None:
    """Begin to load the product, without waiting for the end of it."""
    forkserver.ensure_running()


class Forked:
    """A `guerdon` command as a process; what `cli.stack.child` needs of `subprocess.Popen`."""

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        run = (list(arguments), dict(environment), log)
        self._process = CONTEXT.Process(target=_run, args=run, daemon=True)
        self._process.start()

    @property
    def pid(self) -> int:
        return self._process.pid or 0

    def poll(self) -> int | None:
        """Its exit status, negative if a signal ended it; None while it runs."""
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        if self._process.is_alive():
            os.kill(self.pid, number)

    def kill(self) -> None:
        self._process.kill()

    def wait(self, timeout: float | None = None) -> int:
        """Its exit status. Raises `subprocess.TimeoutExpired` after that many seconds."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired(self._process.name, timeout or 0)
        return self._process.exitcode


def _run(arguments: list[str], environment: dict[str, str], log: Path) -> None:
    """The process: as if a shell had started the command with this environment and output."""
    threading.Thread(target=_end_with_the_supervisor, daemon=True).start()
    # Ctrl-C in a terminal must only reach the supervisor, which stops all in order.
    os.setsid()
    os.environ.clear()
    os.environ.update(environment)
    _write_to(log)
    sys.argv = ["guerdon", *arguments]

    from cli.main import app

    app(arguments, prog_name="guerdon")


def _write_to(log: Path) -> None:
    output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    for descriptor in (1, 2):
        os.dup2(output, descriptor)
    os.close(output)
    # A killed process keeps nothing back that it has printed.
    sys.stdout = os.fdopen(1, "w", buffering=1, closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)


def _end_with_the_supervisor() -> None:
    """So that nothing goes on running when the supervisor is killed."""
    if supervisor := multiprocessing.parent_process():
        wait([supervisor.sentinel])
        os._exit(1)
