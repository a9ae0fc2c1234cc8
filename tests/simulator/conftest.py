"""One simulator process for all tests of this room, emptied before each."""

import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.simulator.simulator_process import Receiver, SimulatorProcess, partners_order, token

ORDERS = "/giftcard-partners/v1/Orders"


@pytest.fixture(scope="session")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    process = SimulatorProcess(tmp_path_factory.mktemp("simulator"))
    process.start()
    yield process
    assert process.end(signal.SIGTERM) == 0


@pytest.fixture
async def client(simulator: SimulatorProcess) -> AsyncIterator[httpx.AsyncClient]:
    limits = httpx.Limits(max_connections=60)
    # Without certificates to load, a client costs a tenth.
    async with httpx.AsyncClient(
        base_url=simulator.url, timeout=120, limits=limits, verify=False
    ) as client:
        await client.delete("/_control")
        yield client


@pytest.fixture
async def partners(client: httpx.AsyncClient) -> httpx.AsyncClient:
    """A client that carries a GiftCard Partners token."""
    client.headers["authorization"] = f"Bearer {await token(client)}"
    return client


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    receiver.start()
    yield receiver
    receiver.stop()


@pytest.fixture
def control(client: httpx.AsyncClient) -> Callable[..., Awaitable[Any]]:
    """`await control("faults", seed=1, ...)` PUTs that setting."""

    async def put(name: str, **body: Any) -> Any:
        answer = await client.put(f"/_control/{name}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return put


@pytest.fixture
def book(client: httpx.AsyncClient) -> Callable[..., Awaitable[list[dict[str, Any]]]]:
    async def read(provider: str, **params: str) -> list[dict[str, Any]]:
        answer = await client.get("/_control/book", params={"provider": provider, **params})
        rows: list[dict[str, Any]] = answer.json()
        return rows

    return read


@pytest.fixture
def place(partners: httpx.AsyncClient) -> Callable[..., Awaitable[httpx.Response]]:
    """`await place("PO-1", Value=20)` orders at GiftCard Partners."""

    async def post(po_number: str, **changes: Any) -> httpx.Response:
        return await partners.post(ORDERS, json=partners_order(po_number, **changes))

    return post
