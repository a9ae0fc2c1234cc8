"""`make chaos`: referrals under fire, judged from the outside. Exits 0 only if nothing was lost,
nothing doubled, and the books agree."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from bench.chaos.planted import CHILD, PLANT, PLANTS
from bench.chaos.report import show
from bench.chaos.run import Order, Report, Run
from cli.stack.ports import Ports
from cli.stack.stack import Stack

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


def once(order: Order, plant: str | None = None) -> Report:
    """Run on a stack of its own. The home stays, with its logs, for whoever wants to know why."""
    home = Path(tempfile.mkdtemp(prefix="guerdon-chaos-"))
    # A production setting: the sandbox is for tests and CI, and costs a third of the CPU.
    os.environ["GUERDON_SANDBOX"] = "false"
    # The simulator limits nothing; at one request a second the run would be Tango's waiting room.
    os.environ["GUERDON_TANGO_MAX_PER_SECOND"] = "50"
    os.environ.pop(PLANT, None)
    if plant:
        os.environ[PLANT] = plant
    with Stack(home, Ports.free(), program=CHILD if plant else None, say=_say) as stack:
        return asyncio.run(Run(stack, order, _say).run())


@app.command()
def main(
    seed: Annotated[int, typer.Option(help="The same seed, the same faults and kills.")] = 1,
    referrals: Annotated[int, typer.Option(min=4, help="How many friends.")] = 1000,
    kills: Annotated[int, typer.Option(min=0, help="How many processes are ended.")] = 30,
    plant: Annotated[str | None, typer.Option(help=f"A bug to plant: {', '.join(PLANTS)}.")] = None,
) -> None:
    """Refer friends while processes are killed and providers fail; then count what is missing."""
    if plant is not None and plant not in PLANTS:
        raise typer.BadParameter(f"no such bug: {plant}")
    report = once(Order(seed, referrals, kills), plant)
    show(report)
    if report.verdict.passed:
        shutil.rmtree(report.home)
    else:
        _say(f"The logs are in {report.home / 'logs'}")
    raise typer.Exit(0 if report.verdict.passed else 1)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    app()
