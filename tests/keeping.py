"""Histories that are kept, for `tests/histories/` to replay."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from temporalio.client import WorkflowHandle

Keep = Callable[[str, WorkflowHandle[Any, Any]], Awaitable[None]]
"""Takes a name and the workflow whose history is kept under it."""


@pytest.fixture
def keep(request: pytest.FixtureRequest) -> Keep:
    """Keep a workflow's history under a name; only where `tests/histories/record.py` runs."""
    recorder = request.config.pluginmanager.get_plugin("recorder")

    async def keep(name: str, handle: WorkflowHandle[Any, Any]) -> None:
        if recorder:
            recorder.write(name, await handle.fetch_history())

    return keep
