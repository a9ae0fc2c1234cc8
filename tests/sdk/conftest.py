"""The whole embedded stack, called by the official clients."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cli.stack.stack import Stack
from tests.stacks import running_stack


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The embedded stack on free ports, in a folder of this module's own."""
    with running_stack(tmp_path_factory.mktemp("stack")) as running:
        yield running
