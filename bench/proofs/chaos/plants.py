"""`python -m bench.proofs.chaos.plants`: each planted bug, and whether the judge finds it.

Each bug gets a chaos run of suitable size, with the same judge, and a few seeds; the last run has
no bug."""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace

from rich.console import Console
from rich.table import Table

from bench.proofs.chaos.judge import Verdict
from bench.proofs.chaos.once import once, say
from bench.proofs.chaos.planted import PLANTS
from bench.proofs.chaos.run import Order

SEEDS = (1, 2, 3)
_STILL = 30.0
_CALM = Order(0, referrals=40, kills=0, still=_STILL, settle=20)
_HURRIED = Order(0, referrals=60, kills=8, hurry=True, still=_STILL, settle=20)
CHAOS: dict[str, Order] = {
    "random_key": _CALM,
    "no_row_lock": replace(_CALM, referrals=80),
    # The bug needs a message that only memory and the redrive have, so Temporal is stopped.
    "no_redrive": replace(_HURRIED, kinds=("temporal", "api")),
    "early_answer": replace(_HURRIED, kinds=("api", "postgres")),
    "webhook_believed": _CALM,
}
CONTROL = Order(1, referrals=60, kills=8, hurry=True)
"""No bug, and every kind of process killed in a hurry: the judge must find nothing."""


def main() -> None:
    """Print the table; exit 1 if a bug was not found, or one was found without a bug."""
    wanted = sys.argv[1:] or list(PLANTS)
    table = Table("planted bug", "seeds", "lost, doubled, books", "what the judge said")
    wrong = [plant for plant in wanted if not _is_seen(plant, table)] + _without_any(table)
    Console(width=150).print(table)
    sys.exit(1 if wrong else 0)


def _without_any(table: Table) -> list[str]:
    report = once(CONTROL)
    shutil.rmtree(report.home)
    faults = report.verdict.faults
    table.add_row(
        "none",
        str(CONTROL.seed),
        _counts(report.verdict),
        "\n".join(faults) or "nothing, as is right",
    )
    return faults


def _is_seen(plant: str, table: Table) -> bool:
    for seed in SEEDS:
        report = once(replace(CHAOS[plant], seed=seed), plant)
        shutil.rmtree(report.home)
        verdict = report.verdict
        say(f"{plant}, seed {seed}: {len(verdict.faults)} faults")
        if not verdict.passed:
            kinds = [verdict.lost, verdict.doubled, verdict.books]
            words = "\n".join(kind[0] for kind in kinds if kind) or verdict.faults[0]
            table.add_row(plant.replace("_", " "), str(seed), _counts(verdict), words)
            return True
    table.add_row(plant.replace("_", " "), str(len(SEEDS)), "", "nothing: NOT SEEN")
    return False


def _counts(verdict: Verdict) -> str:
    return f"{len(verdict.lost)}, {len(verdict.doubled)}, {len(verdict.books)}"


if __name__ == "__main__":
    main()
