"""One provider's lane over real parts: PostgreSQL, the adapter, the simulator in its process."""

from __future__ import annotations

import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from lane_under_test import TIMING, LaneUnderTest, Provider, adapter_at
from ordering import PACE, VAULT

from activities.lane import ProviderLane
from cli.stack.child import Child
from cli.stack.ports import Ports
from store.database import Database


@pytest.fixture(scope="session")
def simulator_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The simulator, as the command starts it."""
    home, port = tmp_path_factory.mktemp("simulator"), Ports.free().resolve().simulator
    program = str(Path(sys.executable).with_name("guerdon"))
    argv = [program, "simulator", "--port", str(port), "--state", str(home / "state")]
    process = Child("simulator", argv, {}, home / "simulator.log")
    process.start()
    url = f"http://127.0.0.1:{port}"
    while not _answers(url):
        assert process.running(), process.last_lines()
        time.sleep(0.05)
    yield url
    process.send(process.stop_signal)
    process.wait()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/_control/stats").is_success
    except httpx.TransportError:
        return False


@pytest_asyncio.fixture
async def provider(simulator_url: str) -> AsyncIterator[Provider]:
    """The provider's side, emptied; it delivers nothing until it is told to."""
    async with httpx.AsyncClient(base_url=simulator_url, timeout=10) as client:
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
