"""A chaos run on a stack of its own."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from pathlib import Path

from bench.proofs.chaos.planted import CHILD, PLANT
from bench.proofs.chaos.run import Order, Report, Run
from cli.stack.ports import Ports
from cli.stack.stack import Stack


def once(order: Order, plant: str | None = None) -> Report:
    """Run on a stack of its own. The stack's folder stays, with its logs, for analysis."""
    home = Path(tempfile.mkdtemp(prefix="guerdon-chaos-"))
    # A production setting: the sandbox is for tests and CI, and costs a third of the CPU.
    os.environ["GUERDON_SANDBOX"] = "false"
    # The simulator has no limits; at one request a second the run would only wait for Tango.
    os.environ["GUERDON_TANGO_MAX_PER_SECOND"] = "50"
    os.environ.pop(PLANT, None)
    if plant:
        os.environ[PLANT] = plant
    with Stack(home, Ports.free(), program=CHILD if plant else None, say=say) as stack:
        return asyncio.run(Run(stack, order, say).run())


def say(line: str) -> None:
    """Print one line of progress."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
