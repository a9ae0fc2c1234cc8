"""A stack of today's code over what each old version has left behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stacks import running_stack
from tests.upgrade.after import After
from tests.upgrade.restored import ordered, restore

RECORDED = sorted(Path(__file__).parent.glob("written_by_*"))


@pytest.fixture(scope="module", params=RECORDED, ids=lambda folder: folder.name)
def after(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[After]:
    """Migrated and running, before anybody has asked for anything."""
    home = tmp_path_factory.mktemp("upgrade")
    restore(request.param, home)
    before, story = ordered(home), request.param / "story.json"
    with running_stack(home) as stack, After(stack, story, before) as after:
        yield after
