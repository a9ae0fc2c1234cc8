"""A stack of today's code over what an old version has left behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stacks import running_stack
from tests.upgrade.after import After
from tests.upgrade.restored import restore

RECORDED = Path(__file__).parent / "written_by_49f0b9f"


@pytest.fixture(scope="module")
def after(tmp_path_factory: pytest.TempPathFactory) -> Iterator[After]:
    """Migrated and running, before anybody has asked for anything."""
    home = tmp_path_factory.mktemp("upgrade")
    restore(RECORDED, home)
    with running_stack(home) as stack, After(stack, RECORDED / "story.json") as after:
        yield after
