"""The simulator in a process of its own, and a bench of books over it for each provider."""

from __future__ import annotations

import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from books import Books, configured
from ordering import PACE, VAULT

from activities.lane import ProviderLane, Timing
from cli.stack.child import Child
from cli.stack.ports import Ports
from store.database import Database

TIMING = Timing(
    attempt=timedelta(seconds=15),
    claim=timedelta(seconds=20),
    longest_delay=timedelta(seconds=5),
    resume=timedelta(minutes=1),
)


@pytest.fixture(scope="session")
def book_simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """All five providers, as the command starts them; gives the address."""
    home, port = tmp_path_factory.mktemp("books"), Ports.free().resolve().simulator
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
async def books_of(
    database: Database, book_simulator: str
) -> AsyncIterator[Callable[[str], Awaitable[Books]]]:
    """`await books_of("tango")`: that provider, with an empty book."""
    async with AsyncExitStack() as stack:

        async def build(provider: str) -> Books:
            client = httpx.AsyncClient(base_url=book_simulator, timeout=10)
            control = await stack.enter_async_context(client)
            await control.delete("/_control")
            body = {"provider": provider, "seconds": 0, "outcome": "delivered"}
            await control.put("/_control/delivery", json=body)
            opened = configured(book_simulator)[provider]
            stack.push_async_callback(opened.provider.close)
            lane = ProviderLane(
                database, opened.provider, VAULT, TIMING, PACE, "http://127.0.0.1:9"
            )
            return Books(lane, control)

        yield build
