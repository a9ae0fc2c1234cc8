"""The table at the end of a chaos run."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from bench.proofs.chaos.run import Report

_SHOWN = 15
"""Sentences per kind that are printed; the rest is counted."""


def show(report: Report) -> None:
    """Print what was done to the stack, and what was lost, doubled and parked."""
    out, verdict = Console(width=120, highlight=False), report.verdict
    table = Table("what", "figure", title=f"Chaos, seed {report.order.seed}")
    for what, figure in _lines(report):
        table.add_row(what, figure)
    out.print(table)
    for name, sentences in (("parked", verdict.parked), ("wrong", verdict.faults)):
        for sentence in sentences[:_SHOWN]:
            out.print(f"{name}: {sentence}", markup=False)
        if len(sentences) > _SHOWN:
            out.print(f"{name}: {len(sentences) - _SHOWN} more")
    out.print("passed" if verdict.passed else "FAILED")


def _lines(report: Report) -> list[tuple[str, str]]:
    verdict, order = report.verdict, report.order
    kills = ", ".join(f"{kind} {n}" for kind, n in sorted(report.kills.items()))
    called = ", ".join(
        f"{name} {counts['attempted']}" for name, counts in sorted(report.providers.items())
    )
    created = sum(counts["created"] for counts in report.providers.values())
    again = sum(counts["duplicates"] for counts in report.providers.values())
    answers = ", ".join(f"{word} {n}" for word, n in sorted(report.answers.items()))
    people = ", ".join(f"{word} {n}" for word, n in sorted(report.people.items()))
    filed = sorted(verdict.reconciled.items())
    reconciled = ", ".join(f"{word} {n}" for word, n in filed if n)
    return [
        ("referrals asked for, and listed", f"{order.referrals}, {verdict.referrals}"),
        ("kills -9", f"{sum(report.kills.values())}: {kills}"),
        ("of them with ten or more orders in flight", str(report.amid_many)),
        ("order calls at providers", called),
        ("orders created, keys met again", f"{created}, {again}"),
        ("webhooks forged", str(report.forged)),
        ("times without funds, credentials or rate", str(report.troubles)),
        ("what callers got", answers),
        ("what people did", people),
        ("grants, cards in the providers' books", f"{verdict.grants}, {verdict.cards}"),
        ("friends whom a limit left unrewarded", str(verdict.limited)),
        ("lost", str(len(verdict.lost))),
        ("doubled", str(len(verdict.doubled))),
        ("wrong in the books", str(len(verdict.books))),
        ("orders reconciled at five providers", reconciled or "none"),
        ("refused, or never answered", str(len(verdict.refused))),
        ("parked", str(len(verdict.parked))),
        ("histories replayed", str(verdict.replayed)),
        ("searched for secrets", _searched(report)),
        ("histories that differ, secrets told", str(len(verdict.others))),
        ("duration", f"{report.seconds:.0f} s"),
    ]


def _searched(report: Report) -> str:
    search = report.searched
    return (
        f"{search.needles} needles in {search.lines} log lines, {search.payloads} payloads of "
        f"{search.workflows} histories, {search.problems} problems"
    )
