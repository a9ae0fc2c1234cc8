"""The simulator in a process of its own, and a bench of books over it for each provider."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from datetime import timedelta

import httpx
import pytest
import pytest_asyncio

from activities.lane import ProviderLane, Timing
from store.database import Database
from tests.ordering import PACE, VAULT
from tests.reconciliation.books import Books, configured
from tests.simulated import running_simulator

TIMING = Timing(
    attempt=timedelta(seconds=15),
    claim=timedelta(seconds=90),
    longest_delay=timedelta(seconds=5),
    resume=timedelta(minutes=1),
)


@pytest.fixture(scope="session")
def book_simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """All five providers, as the command starts them; gives the address."""
    with running_simulator(tmp_path_factory.mktemp("books")) as url:
        yield url


@pytest_asyncio.fixture
async def books_of(
    database: Database, book_simulator: str
) -> AsyncIterator[Callable[[str], Awaitable[Books]]]:
    """`await books_of("tango")`: that provider, with an empty book."""
    async with AsyncExitStack() as stack:

        async def build(provider: str) -> Books:
            client = httpx.AsyncClient(base_url=book_simulator, timeout=120)
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
