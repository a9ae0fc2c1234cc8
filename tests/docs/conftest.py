"""The whole embedded stack, where `guerdon dev` would have it, and a folder to type in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.stack.stack import Stack
from tests.stacks import running_stack


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One for all pages, on free ports."""
    with running_stack(tmp_path_factory.mktemp("project") / ".guerdon") as running:
        yield running


@pytest.fixture
def folder(stack: Stack) -> Path:
    """The project's folder, as the pages call it."""
    return stack.home.parent
