"""`make chaos`: referrals during kills and faults, judged from the outside. Exits 0 only if nothing
was lost, nothing doubled, and the books agree."""

from __future__ import annotations

import shutil
from typing import Annotated

import typer

from bench.proofs.chaos.once import once, say
from bench.proofs.chaos.planted import PLANTS
from bench.proofs.chaos.report import show
from bench.proofs.chaos.run import Order

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    seed: Annotated[int, typer.Option(help="The same seed, the same faults and kills.")] = 1,
    referrals: Annotated[int, typer.Option(min=4, help="How many friends.")] = 1000,
    kills: Annotated[int, typer.Option(min=0, help="How many processes are ended.")] = 30,
    lose_temporal: Annotated[
        bool, typer.Option(help="Delete Temporal's state half-way, and recover.")
    ] = False,
    plant: Annotated[str | None, typer.Option(help=f"A bug to plant: {', '.join(PLANTS)}.")] = None,
) -> None:
    """Refer friends while processes are killed and providers fail; then count what is missing."""
    if plant is not None and plant not in PLANTS:
        raise typer.BadParameter(f"no such bug: {plant}")
    report = once(Order(seed, referrals, kills, lose_temporal=lose_temporal), plant)
    show(report)
    if report.verdict.passed:
        shutil.rmtree(report.home)
    else:
        say(f"The logs are in {report.home / 'logs'}")
    raise typer.Exit(0 if report.verdict.passed else 1)


if __name__ == "__main__":
    app()
