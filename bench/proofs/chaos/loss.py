"""Deletes Temporal's state, and rebuilds it from the database during the run."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from cli.stack.stack import Stack


def guerdon(stack: Stack, *arguments: str) -> tuple[int, str]:
    """Run a `guerdon` command on the stack; return its exit status and output."""
    program = str(Path(sys.executable).with_name("guerdon"))
    done = subprocess.run(
        [program, *arguments],
        env=stack.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def lose_temporal(stack: Stack) -> None:
    """Restart its server without any state."""
    stack.stop("temporal")
    for file in stack.home.glob("temporal.db*"):
        file.unlink()
    stack.start("temporal")


def recover(stack: Stack, tries: int = 10) -> str:
    """Repeat until it succeeds: a process that was just killed may be missing."""
    for _ in range(tries):
        status, said = guerdon(stack, "recover")
        if status == 0:
            return said
        time.sleep(2)
    raise RuntimeError(f"guerdon recover: {said}")
