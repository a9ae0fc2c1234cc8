"""`guerdon dev` as a person runs it: a process of its own, on free ports."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

from cli.stack.state import DevInfo, Secrets
from tests.said.gathering import gather_stack
from tests.stacks import note_logs

GUERDON = str(Path(sys.executable).with_name("guerdon"))
FREE_PORTS = {
    f"GUERDON_{name}_PORT": "0" for name in ("API", "TEMPORAL", "TEMPORAL_UI", "SIMULATOR")
}


@dataclass
class Dev:
    """One `guerdon dev`."""

    home: Path
    process: subprocess.Popen[bytes]
    output: Path

    @classmethod
    def start(cls, home: Path) -> "Dev":
        """Start it and wait until it says where it listens."""
        (home / "dev.json").unlink(missing_ok=True)  # a killed one leaves it
        output = home.with_name(f"{home.name}.out")
        with output.open("ab") as out:
            process = subprocess.Popen(
                [GUERDON, "dev"],
                env=os.environ | FREE_PORTS | {"GUERDON_HOME": str(home)},
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        dev = cls(home, process, output)
        wait_until(lambda: (home / "dev.json").exists() or process.poll() is not None, 60)
        assert process.poll() is None, output.read_text()
        return dev

    @property
    def info(self) -> DevInfo:
        return DevInfo.model_validate_json((self.home / "dev.json").read_bytes())

    def said(self) -> str:
        """What it printed, on one line: the console folds at its own width."""
        return " ".join(self.output.read_text().split())

    def end(self, number: int = signal.SIGTERM) -> int:
        """Signal it, wait for its end, and give its exit status."""
        if self.process.poll() is None and (self.home / "dev.json").exists():
            asyncio.run(gather_stack(self.info, Secrets.load(self.home)))
        self.process.send_signal(number)
        status = self.process.wait(30)
        note_logs(self.home)
        return status

    def children(self) -> list[psutil.Process]:
        """Every process that it has started, with theirs."""
        return psutil.Process(self.process.pid).children(recursive=True)


def wait_until(true: Callable[[], bool], seconds: float) -> None:
    """Wait until it holds; fail the test when it does not in time."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come to pass in time"
        time.sleep(0.05)


def gone(process: psutil.Process) -> bool:
    """Whether it has ended, though nobody may have taken notice yet."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
