"""One provider's lane over real parts: PostgreSQL, the adapter, the simulator in its process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import pytest_asyncio

from activities.lane import ProviderLane
from store.database import Database
from tests.activities.lane_under_test import TIMING, LaneUnderTest, Provider, adapter_at
from tests.ordering import PACE, VAULT
from tests.simulated import running_simulator


@pytest.fixture(scope="session")
def simulator_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The simulator, as the command starts it."""
    with running_simulator(tmp_path_factory.mktemp("simulator")) as url:
        yield url


@pytest_asyncio.fixture
async def provider(simulator_url: str) -> AsyncIterator[Provider]:
    """The provider's side, emptied; it delivers nothing until it is told to."""
    async with httpx.AsyncClient(base_url=simulator_url, timeout=120) as client:
        side = Provider(client)
        await side.put("hold", point=None)
        await client.delete("/_control")
        await side.put("delivery", seconds=0, outcome="never")
        yield side
        await side.put("hold", point=None)


@pytest_asyncio.fixture
async def lane(
    database: Database, simulator_url: str, provider: Provider
) -> AsyncIterator[LaneUnderTest]:
    """The activities of the lane."""
    adapter = adapter_at(f"{simulator_url}/giftcard-partners")
    parts = ProviderLane(
        database=database,
        provider=adapter,
        vault=VAULT,
        timing=TIMING,
        pace=PACE,
        hooks="http://127.0.0.1:9",
    )
    yield LaneUnderTest(database, parts)
    await adapter.close()
