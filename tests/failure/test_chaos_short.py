"""A short chaos run; then everything that it said is searched for people and bearer values."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bench.proofs.chaos.run import Order, Report, Run
from bench.proofs.chaos.secrets import needles_of, search
from cli.stack.stack import Stack
from store.database import Database
from store.temporal.client import connect
from tests.said.notes import HISTORY, NOTES

CANARY = "friend-zyxqvut-canary@example.com"
SHORT = Order(seed=11, referrals=40, kills=5, still=120, settle=25)


@pytest.mark.timeout(900)
async def test_nothing_is_lost_doubled_or_told(
    stack: Stack, figure: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    report = await Run(stack, SHORT, lambda _: None).run()
    figure(_in_words(report))
    assert report.verdict.faults == []
    assert sum(report.kills.values()) == 5
    assert set(report.kills) == {"api", "worker", "temporal", "simulator", "postgres"}
    assert report.verdict.cards > 40
    assert report.searched.lines > 100
    assert report.searched.payloads > 400
    await _would_find(stack, monkeypatch)


async def _would_find(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """A search that found nothing proves something only if it would find it."""
    monkeypatch.setenv("TEMPORAL_ADDRESS", stack.urls.temporal)
    client, log = await connect(), stack.home / "logs" / "planted.log"
    handle = await client.start_workflow("Nobodys", CANARY, id="canary", task_queue="nobodys")
    Path(log).write_text(f"quiet\n{stack.secrets.provider_token}\n")
    database = Database(stack.urls.database, pool=1)
    needles = await needles_of(stack, database)
    await database.dispose()
    found = await search(stack, client, [f"refused: {stack.secrets.app_token}"], needles)
    await handle.terminate()
    NOTES.planted(HISTORY.format("canary"))
    log.unlink()
    assert set(found.leaks) == {
        "planted.log, line 2, holds the stack's provider_token",
        "problem 0 holds the stack's app_token",
        "the history of canary holds a person, or a caller's own word",
    }
    for kind in ("a claim link", "a challenge answer", "the address of a webhook"):
        needle = next(needle for needle, of in needles.kinds.items() if of == kind)
        assert needle in needles.found_in(f'{{"said": "{needle}"}}')


def _in_words(report: Report) -> str:
    search = report.searched
    return (
        f"{report.verdict.referrals} referrals, {report.verdict.cards} cards, "
        f"{sum(report.kills.values())} kills, {report.seconds:.0f} s; {search.needles} secrets "
        f"searched for in {search.lines} log lines, {search.payloads} payloads of "
        f"{search.workflows} histories and {search.problems} problems"
    )
