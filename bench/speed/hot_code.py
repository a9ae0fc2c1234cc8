"""`make hot-code`: one referrer's code is hit by 200 conversions in the same instant while another
campaign runs at its usual pace. What the other campaign's friends feel of it, beside quiet
stretches of the same run. Exits 1 if a p95 doubles."""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from bench.speed.hot import Hot
from bench.speed.steady import MEASURES, PACE
from cli.stack.ports import Ports
from cli.stack.stack import Stack

HOT = 200
"""Conversions of one code, at once."""
BOUND = 2.0


def main(
    pace: Annotated[float, typer.Option(help="Friends a second of the other campaign.")] = PACE,
    enough: Annotated[int, typer.Option(help="Friends that a p95 is taken of, each side.")] = 100,
) -> None:
    """Measure on a stack of its own, thrown away in the end."""
    # A production setting: the sandbox is for tests and CI.
    os.environ["GUERDON_SANDBOX"] = "false"
    with (
        tempfile.TemporaryDirectory(prefix="guerdon-bench-") as home,
        Stack(Path(home), Ports.free(), say=print) as stack,
    ):
        hot = asyncio.run(_measure(stack, pace, enough))
    _report(hot)
    raise typer.Exit(int(max(hot.ratio(measure) for measure in MEASURES) >= BOUND))


async def _measure(stack: Stack, pace: float, enough: int) -> Hot:
    hot = await Hot.open(stack, pace, HOT)
    async with hot.steady.running():
        await hot.round(quiet=3)  # warm: connections, caches, compiled statements
        hot.forget()
        while min(hot.count(), hot.count(hot=True)) < enough:
            await hot.round()
            print(f"round {len(hot.rounds)}: {hot.rounds[-1]}")
    await hot.close()
    return hot


def _report(hot: Hot) -> None:
    title = (
        f"{hot.count()} friends in quiet times, {hot.count(hot=True)} while {HOT} conversions of "
        f"another campaign's code are worked off, {len(hot.rounds)} rounds; in quiet times the "
        f"machine is {sum(hot.busy) / len(hot.busy):.0f} % busy"
    )
    table = Table("the other campaign's", "quiet", "beside the hot code", "ratio", title=title)
    for measure in MEASURES:
        for percent in (50, 95):
            sides = [hot.percentile(measure, percent, hot=side) for side in (False, True)]
            _add(table, f"{measure}, p{percent}", *sides)
        _add(
            table, f"{measure}, the slowest", *(hot.slowest(measure, hot=s) for s in (False, True))
        )
    Console(width=120).print(table)


def _add(table: Table, words: str, quiet: float, beside: float) -> None:
    table.add_row(words, f"{quiet:.0f} ms", f"{beside:.0f} ms", f"{beside / quiet:.2f}")


if __name__ == "__main__":
    typer.run(main)
