"""Half a minute of `make fuzz`: made-up requests for every operation, the same seed each time."""

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

SECONDS = 35


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
    for seconds in (SECONDS, SECONDS * 3, SECONDS * 9):
        said = _fuzzed(stack, seconds)
        selected, tested = (
            re.search(pattern, said) for pattern in (r"Selected: (\d+)/(\d+)", r"Tested: (\d+)")
        )
        assert selected
        assert tested
        if tested[1] == selected[1]:
            break  # a busy machine needs longer to come to every operation
    assert {*selected.groups(), *tested.groups()} == {selected[1]}
    made = re.search(r"(\d+) generated", said)
    figure(f"{made[1] if made else '?'} requests for {tested[1]} operations, all as documented")


def _fuzzed(stack: Stack, seconds: int) -> str:
    """What the fuzzer says after so long."""
    done = subprocess.run(
        command(stack.info, seconds, seed=1),
        cwd=stack.home,
        capture_output=True,
        text=True,
        timeout=seconds + 200,
        check=False,
    )
    NOTES.said("log", "schemathesis", done.stderr)
    assert done.returncode == 0, done.stdout[-10_000:]
    return done.stdout
