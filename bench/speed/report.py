"""The bench's figures, and the tables that show them."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from bench.speed import latency
from bench.speed.history import Cost
from bench.speed.load import Run
from bench.speed.processor import PROCESSES, Seconds
from bench.speed.statements import StatementCounts
from bench.speed.steady import Friend

PEER = "172/s, p50 292 ms, p95 338 ms, no order placed (reference/peers.md §2.2)"


@dataclass
class Rounds:
    """Workflows completed per second, and the CPU time of one, in each round."""

    rates: list[float]
    used: list[Seconds]

    @property
    def rate(self) -> float:
        return max(self.rates)

    def milliseconds(self, name: str) -> float:
        """Of the round with the least CPU time: other work on the machine makes a round look more
        expensive than it is."""
        return 1000 * min(self.used, key=lambda used: sum(used.values())).get(name, 0)

    @property
    def total(self) -> float:
        return sum(map(self.milliseconds, PROCESSES))


@dataclass(frozen=True)
class Figures:
    """All that the bench has measured. `counted`: how many referrals were `asked`."""

    floor: Rounds
    engine: Rounds
    bare: Run
    event: Run
    burst: Run
    at_once: int
    cost: Cost
    asked: StatementCounts
    counted: int
    friends: list[Friend]


def report(figures: Figures) -> None:
    console = Console(width=140)
    for table in (_speed(figures), _a_referral(figures), _felt(figures)):
        console.print(table)


def _speed(figures: Figures) -> Table:
    table = Table("measure", "bare Temporal", "Guerdon", "ratio", title="Guerdon, side by side")
    floor, engine = figures.floor.rate, figures.engine.rate
    table.add_row(
        "referrals completed a second", f"{floor:.1f}", f"{engine:.1f}", f"{engine / floor:.2f}"
    )
    for percent in (50, 95):
        ours, theirs = figures.event.percentile(percent), figures.bare.percentile(percent)
        table.add_row(
            f"POST /v1/events beside signal_with_start, p{percent}",
            f"{theirs:.1f} ms",
            f"{ours:.1f} ms",
            f"{ours / theirs:.2f}",
        )
    burst = figures.burst
    table.add_row(
        f"conversions accepted a second, {figures.at_once} at once",
        f"peer: {PEER}",
        f"{burst.per_second:.0f}/s, p50 {burst.percentile(50):.0f} ms, "
        f"p95 {burst.percentile(95):.0f} ms",
        f"{burst.per_second / 172:.2f}",
    )
    return table


def _a_referral(figures: Figures) -> Table:
    floor, engine, asked = figures.floor, figures.engine, figures.asked
    table = Table("a referral's", "bare Temporal", "Guerdon", title="What one referral costs")
    for name in PROCESSES:
        bare = f"{floor.milliseconds(name):.1f} ms" if floor.milliseconds(name) else ""
        table.add_row(f"CPU, {name}", bare, f"{engine.milliseconds(name):.1f} ms")
    table.add_row("CPU in all", f"{floor.total:.1f} ms", f"{engine.total:.1f} ms")
    for words, number in (
        ("statements", asked.statements),
        ("transactions", asked.transactions),
        ("rows inserted", asked.inserted),
        ("rows updated", asked.updated),
        ("rows fetched", asked.fetched),
    ):
        table.add_row(words, "", f"{number / figures.counted:.1f}")
    cost = figures.cost
    table.add_row("history", "", f"{cost.events} events, {cost.bytes / 1024:.1f} KB")
    table.add_row("Temporal Cloud actions", "", str(cost.actions))
    return table


def _felt(figures: Figures) -> Table:
    friends = figures.friends
    title = f"What a user feels, at a steady {latency.PACE:g} a second ({len(friends)} friends)"
    table = Table("after the event was sent", "p50", "p95", title=title)
    words = {
        "answered": "it is answered",
        "ordered": "the provider has the first order",
        "completed": "the last card is delivered",
    }
    for measure in latency.MEASURES:
        each = (latency.percentile(friends, measure, percent) for percent in (50, 95))
        table.add_row(words[measure], *(f"{figure:.0f} ms" for figure in each))
    return table
