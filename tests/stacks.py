"""Whole stacks for tests. What they hold and what they said is noted before they are gone."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cli.stack.ports import Ports
from cli.stack.stack import Stack
from tests.said.gathering import gather_stack
from tests.said.notes import NOTES


@contextmanager
def running_stack(home: Path) -> Iterator[Stack]:
    """The embedded stack on free ports."""
    with Stack(home, Ports.free()) as stack:
        yield stack
        asyncio.run(gather_stack(stack.info, stack.secrets))
    note_logs(home)
    shutil.rmtree(home / "postgres", ignore_errors=True)  # the largest part of it by far


def note_logs(home: Path) -> None:
    """Every log file of a stack that has ended."""
    for log in sorted((home / "logs").glob("*.log")):
        NOTES.log(log)
