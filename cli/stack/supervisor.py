"""Keeps the stack's children running: restarts what dies, and reports it."""

import signal
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

from cli.stack.child import Child
from cli.stack.ports import StackError

LOOK_EVERY = 0.2
"""Seconds between two checks of the children."""
REST = 1.0
"""Seconds before a restart if the child died within as many of its start."""


class Supervisor:
    """Starts, watches, signals and stops children, one action at a time.

    Every action runs on one thread, which lives as long as the supervisor: the kernel's signal to
    an orphan depends on the thread that started it, not on the process."""

    def __init__(self, say: Callable[[str], None], changed: Callable[[], None]) -> None:
        self._say = say
        self._changed = changed
        self._children: list[Child] = []
        self._acts = ThreadPoolExecutor(max_workers=1, thread_name_prefix="stack")
        self._over = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="stack-watch", daemon=True)

    def add(self, child: Child) -> None:
        """Start a child and supervise it from now on."""
        self._children.append(child)
        self._acts.submit(child.start).result()

    def named(self, name: str) -> list[Child]:
        """The children of that name: `worker` means every `worker-1`, `worker-2`, …"""
        return [c for c in self._children if c.name == name or c.name.startswith(f"{name}-")]

    def pids(self, name: str) -> list[int]:
        """Their process ids, in order."""
        return [child.pid for child in self.named(name)]

    def wait_until(self, ready: Callable[[], bool], name: str, seconds: float = 180) -> None:
        """Wait for a child's readiness; raise StackError with the log's end if one cannot start."""
        deadline = time.monotonic() + seconds
        while not ready():
            for child in self._children:
                if not (child.running() or child.held_down):
                    raise StackError(_last_words(child, _how_it_ended(child.exit_code())))
            if time.monotonic() > deadline:
                raise StackError(_last_words(self.named(name)[0], "is not ready"))
            time.sleep(0.03)

    def watch(self) -> None:
        """Restart what dies, from now on."""
        self._watcher.start()

    def kill(self, name: str, number: int) -> None:
        """Send a signal to the children of that name; those that die are restarted."""
        for child in self.named(name):
            self._acts.submit(child.send, number).result()

    def stop(self, name: str, number: int | None = None) -> None:
        """End the children of that name, and keep them down until `start`."""
        self._acts.submit(_stop, self.named(name), number).result()

    def start(self, name: str) -> None:
        """Start the children of that name again."""
        for child in self.named(name):
            self._acts.submit(self._bring_back, child).result()

    def close(self, *order: Iterable[str]) -> None:
        """End every child, group by group; within a group all at once."""
        self._over.set()
        for names in order:
            group = [child for name in names for child in self.named(name)]
            self._acts.submit(_stop, group, None).result()
        if self._watcher.ident:
            self._watcher.join()
        self._acts.shutdown()

    def _bring_back(self, child: Child) -> None:
        child.held_down = False
        if not child.running():
            child.start()
            self._changed()

    def _watch(self) -> None:
        while not self._over.wait(LOOK_EVERY):
            self._acts.submit(self._look).result()

    def _look(self) -> None:
        for child in self._children:
            rested = time.monotonic() - child.started_at > REST
            if not (child.held_down or child.running() or self._over.is_set()) and rested:
                how = _how_it_ended(child.exit_code())
                child.start()
                self._say(f"{child.name} {how}: started again as process {child.pid}")
                self._changed()


def _stop(children: list[Child], number: int | None) -> None:
    for child in children:
        child.held_down = True
        child.send(number or child.stop_signal)
    for child in children:
        child.wait()


def _how_it_ended(code: int | None) -> str:
    if code is not None and code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with exit status {code}"


def _last_words(child: Child, what: str) -> str:
    return f"{child.name} {what}; the end of {child.log}:\n{child.last_lines()}"
