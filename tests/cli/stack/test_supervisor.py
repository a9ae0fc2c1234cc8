"""The supervisor, over real processes that do nothing but live."""

import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from cli.stack.child import Child
from cli.stack.ports import StackError
from cli.stack.supervisor import Supervisor
from tests.cli.dev_process import gone, wait_until

SLEEP = "import time; print('up', flush=True); time.sleep(60)"
DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEP}"


class Watched:
    """A supervisor, what it said, and how often it announced a change."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said: list[str] = []
        self.changes = 0
        self.supervisor = Supervisor(self.said.append, self._count)

    def run(self, name: str, code: str = SLEEP, grace: float = 5) -> Child:
        """Add a child that has come up."""
        log = self.folder / f"{name}.log"
        child = Child(name, [sys.executable, "-c", code], {}, log, grace=grace)
        self.supervisor.add(child)
        self.supervisor.wait_until(lambda: "up" in child.last_lines(), name)
        return child

    def _count(self) -> None:
        self.changes += 1


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    watched = Watched(tmp_path)
    yield watched
    watched.supervisor.close(["worker", "api"])


def test_a_killed_child_is_started_again_and_announced(watched: Watched) -> None:
    child = watched.run("api")
    watched.supervisor.watch()
    killed = child.pid
    watched.supervisor.kill("api", signal.SIGKILL)
    wait_until(lambda: child.running() and child.pid != killed, 60)
    wait_until(lambda: watched.changes == 1, 60)
    assert watched.said == [f"api was ended by SIGKILL: started again as process {child.pid}"]


def test_a_stopped_child_stays_down_until_it_is_started(watched: Watched) -> None:
    child = watched.run("api")
    watched.supervisor.watch()
    watched.supervisor.stop("api")
    time.sleep(1.5)
    assert not child.running()
    watched.supervisor.start("api")
    assert child.running()
    assert not watched.said


def test_a_name_means_all_its_numbers(watched: Watched) -> None:
    first, second, other = (watched.run(name) for name in ("worker-1", "worker-2", "api"))
    watched.supervisor.stop("worker")
    assert (first.running(), second.running(), other.running()) == (False, False, True)
    assert watched.supervisor.pids("worker") == [first.pid, second.pid]


def test_a_child_that_will_not_stop_is_killed_after_its_grace(watched: Watched) -> None:
    child = watched.run("api", DEAF, grace=0.3)
    watched.supervisor.stop("api")
    assert child.exit_code() == -signal.SIGKILL


def test_a_child_that_cannot_start_is_an_error_with_its_last_words(watched: Watched) -> None:
    with pytest.raises(StackError, match=r"api ended with exit status 3(.|\n)*no such luck"):
        watched.run("api", "print('no such luck'); raise SystemExit(3)")


def test_a_child_that_never_gets_ready_is_an_error(watched: Watched) -> None:
    watched.run("api")
    with pytest.raises(StackError, match="api is not ready"):
        watched.supervisor.wait_until(lambda: False, "api", seconds=0.2)


def test_closing_leaves_nothing_running(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    processes = [psutil.Process(watched.run(name).pid) for name in ("worker-1", "api")]
    watched.supervisor.watch()
    watched.supervisor.close(["worker", "api"])
    assert all(gone(process) for process in processes)
    assert not watched.said
