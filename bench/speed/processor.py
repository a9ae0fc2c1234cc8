"""The CPU time of each of the stack's processes, as the operating system counts it."""

from __future__ import annotations

import psutil

from cli.stack.stack import Stack

PROCESSES = ("worker", "temporal", "api", "postgres", "simulator")

Seconds = dict[str, float]


def used(stack: Stack) -> Seconds:
    """The seconds that each has used since it started, its children included."""
    info = stack.info
    pids = {
        "worker": info.worker.pids,
        "temporal": [info.temporal.pid],
        "api": [info.api.pid] if info.api else [],
        "postgres": [info.postgres.pid],
        "simulator": [info.simulator.pid],
    }
    return {name: sum(map(of, pids[name])) for name in PROCESSES}


def each(before: Seconds, after: Seconds, count: int) -> Seconds:
    """The CPU time of one of `count` referrals."""
    return {name: (after[name] - before[name]) / count for name in PROCESSES}


def of(pid: int) -> float:
    """The seconds of a process and its children."""
    root = psutil.Process(pid)
    return _of(root) + sum(_of(child) for child in root.children(recursive=True))


def _of(process: psutil.Process) -> float:
    """The seconds of a process and of its children that have ended, which the operating system adds
    to it."""
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0
    return float(times.user + times.system + times.children_user + times.children_system)
