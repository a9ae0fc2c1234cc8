"""One process of the stack; its output goes to a log file."""

import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cli.stack.forked import Forked
from cli.stack.ports import StackError


@dataclass
class Child:
    """How to run one process, and the process while it runs."""

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    stop_signal: signal.Signals = signal.SIGTERM
    grace: float = 20.0
    """Seconds between the stop signal and SIGKILL."""
    orphan_signal: str = "KILL"
    """The signal that the process gets if the supervisor dies without stopping it."""
    privileges: Sequence[str] = ()
    """Options of `setpriv` that drop privileges before the program starts."""
    guerdon: bool = False
    """The command is Guerdon's own, `argv` without the program's name: it is forked."""
    held_down: bool = False
    """Stopped on purpose: not to be restarted."""
    started_at: float = 0.0
    _process: subprocess.Popen[bytes] | Forked | None = field(default=None, repr=False)

    @property
    def pid(self) -> int:
        """The process id, also of one that has just died; 0 before the first start."""
        return self._process.pid if self._process else 0

    def start(self) -> None:
        """Start the process. Call it on a thread that lives as long as the process should."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.guerdon:
            self._process = Forked(self.argv, self.environment, self.log)
        else:
            self._process = self._spawn()
        self.started_at = time.monotonic()

    def run(self) -> int:
        """Start the process, and wait for its end; its exit status."""
        self.start()
        return self._process.wait() if self._process else 0

    def _spawn(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as out:
            return subprocess.Popen(
                mortal(self.argv, self.orphan_signal, self.privileges),
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                # Ctrl-C in a terminal must only reach the supervisor, which stops all in order.
                start_new_session=True,
            )

    def exit_code(self) -> int | None:
        """None while it runs (or was never started), negative if a signal ended it."""
        return self._process.poll() if self._process else None

    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def send(self, number: int) -> None:
        """Send a signal; nothing happens to a process that is gone."""
        if self._process:
            self._process.send_signal(number)

    def wait(self) -> None:
        """Wait for the end, with SIGKILL after the grace period."""
        if not self._process:
            return
        try:
            self._process.wait(self.grace)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def last_lines(self, count: int = 12) -> str:
        """The end of its log, to show why it died."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(lines[-count:])


def mortal(argv: Sequence[str], orphan_signal: str, privileges: Sequence[str]) -> list[str]:
    """The command that makes the kernel signal the process when the thread that started it ends.

    `setpriv` (util-linux) replaces itself with the program, so the process id is the program's.
    Without it (macOS), a supervisor killed with -9 leaves its children running."""
    setpriv = shutil.which("setpriv")
    if setpriv:
        return [setpriv, "--pdeathsig", orphan_signal, *privileges, "--", *argv]
    if privileges:
        raise StackError("started as root, PostgreSQL needs `setpriv` of the package util-linux")
    return list(argv)
