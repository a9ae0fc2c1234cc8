"""Fixtures of the command's tests."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.dev_process import Dev


@pytest.fixture
def start_dev(tmp_path: Path) -> Iterator[Callable[[], Dev]]:
    """Start `guerdon dev` on one home, as often as the test asks; none outlives the test."""
    started: list[Dev] = []

    def start() -> Dev:
        started.append(Dev.start(tmp_path / "home"))
        return started[-1]

    yield start
    for dev in started:
        if dev.process.poll() is None:
            dev.end()
