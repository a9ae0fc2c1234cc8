"""A part of `make fuzz`: made-up requests for every operation, the same seed each time."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable

import pytest

from bench.proofs.fuzzing import beside, command, sweep
from bench.proofs.slow_bodies import SLOW_AT_ONCE, sent_beside
from bench.speed.loop_watch import watched_loop
from cli.stack.stack import Stack
from tests.said.notes import NOTES

BOUND = ("--phases", "examples,fuzzing", "--max-examples", "3")
"""About 700 requests. Counted and not timed: in 35 seconds there were 400 on a quiet machine, and
on a busy one not every operation had its turn."""


@pytest.mark.timeout(900)
def test_odd_inputs_are_refused_in_words(stack: Stack, figure: Callable[[str], None]) -> None:
    """Other encodings, numbers that are none, characters that cannot be stored, files of other
    programs: two hundred of those for every place of every operation."""
    sent, wrong = sweep(stack.info, 100, seed=1, most=200)
    assert (sent, wrong) == (200, [])
    figure(f"{sent} requests with odd inputs, all answered as documented")


@pytest.mark.timeout(900)
def test_slow_and_huge_bodies_are_answered_as_documented_in_every_role(
    stack: Stack, figure: Callable[[str], None]
) -> None:
    assert stack.info.api
    with (
        watched_loop(stack.ports.api, stack.info.api.pid) as loop,
        sent_beside(*beside(stack.info), seed=1) as bodies,
    ):
        time.sleep(20)
    assert bodies.wrong == []
    assert bodies.sent["huge"] > 3
    assert bodies.sent["slow"] >= SLOW_AT_ONCE
    # `make fuzz` holds it to 0.2 on a machine of its own.
    assert loop.blocked < 1
    figure(f"{bodies}; {loop}")


@pytest.mark.timeout(900)
def test_every_operation_answers_as_it_is_documented(
    stack: Stack, figure: Callable[[str], None]
) -> None:
    """No 5xx, no status, header or media type that is not documented, no answer outside its
    schema."""
    said = _fuzzed(stack)
    selected, tested = (
        re.search(pattern, said) for pattern in (r"Selected: (\d+)/(\d+)", r"Tested: (\d+)")
    )
    assert selected
    assert tested
    assert {*selected.groups(), *tested.groups()} == {selected[1]}
    made = re.search(r"(\d+) generated", said)
    figure(f"{made[1] if made else '?'} requests for {tested[1]} operations, all as documented")


def _fuzzed(stack: Stack) -> str:
    """What the fuzzer says in the end."""
    done = subprocess.run(
        command(stack.info, 1, *BOUND),
        cwd=stack.home,
        capture_output=True,
        text=True,
        check=False,
    )
    NOTES.said("log", "schemathesis", done.stderr)
    assert done.returncode == 0, done.stdout[-10_000:]
    return done.stdout
