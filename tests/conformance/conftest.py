"""The real simulator in a process of its own, and a scene over it for each case."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack

import httpx
import pytest
import pytest_asyncio

from store.database import Database
from tests.conformance.adapters_under_test import open_adapter
from tests.conformance.hooks_received import HooksReceived
from tests.conformance.ordering_lane import TIMING
from tests.conformance.provider_side import ProviderSide
from tests.conformance.scene import Places, Scene
from tests.simulated import running_simulator


@pytest.fixture(scope="session")
def conformance_simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """All five providers, as the command starts them; gives the address."""
    with running_simulator(tmp_path_factory.mktemp("conformance")) as url:
        yield url


@pytest_asyncio.fixture
async def scene_of(
    database: Database, database_url: str, conformance_simulator: str
) -> AsyncIterator[Callable[[str], Awaitable[Scene]]]:
    """`await scene_of("tango")`: that provider, with an empty book."""
    async with AsyncExitStack() as stack:

        async def build(provider: str) -> Scene:
            client = await stack.enter_async_context(
                httpx.AsyncClient(base_url=conformance_simulator, timeout=120)
            )
            side, hooks = ProviderSide(client, provider), HooksReceived()
            await hooks.open()
            stack.push_async_callback(hooks.close)
            await side.begin(hooks.url)
            stack.push_async_callback(side.release)
            within = TIMING.attempt.total_seconds()
            adapter = open_adapter(provider, conformance_simulator, within)
            stack.push_async_callback(adapter.close)
            places = Places(database, database_url, conformance_simulator)
            return Scene(places, side, hooks, adapter)

        yield build
