"""The whole embedded stack, driven over HTTP and broken on purpose."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from bench.speed.engine import Engine
from cli.stack.stack import Stack
from tests.failure.judge import Judge
from tests.stacks import running_stack


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The embedded stack on free ports, in a folder of this module's own."""
    with running_stack(tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest_asyncio.fixture
async def judge(stack: Stack) -> AsyncIterator[Judge]:
    """Over an empty book, without faults."""
    engine = Engine(stack)
    judge = Judge(stack, engine)
    await judge.control("DELETE", "")
    await judge.control(
        "PUT",
        "/delivery",
        {"provider": "giftcard-partners", "seconds": 0.2, "outcome": "delivered"},
    )
    yield judge
    await judge.control("PUT", "/hold", {"point": None})
    await judge.control("PUT", "/faults", {"rates": {}})
    await engine.http.aclose()
