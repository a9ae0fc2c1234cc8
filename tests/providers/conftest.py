"""The real simulator in a process of its own, and a server that answers what a test tells it to,
for answers that the simulator never gives."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import httpx
import pytest

from domain.money import Money
from domain.orders import OrderRequest, Recipient
from domain.rewards import Delivery, Personalization
from tests.simulator.simulator_process import SimulatorProcess


@pytest.fixture(scope="session")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    process = SimulatorProcess(tmp_path_factory.mktemp("simulator"))
    process.start()
    yield process
    assert process.end(signal.SIGTERM) == 0


@pytest.fixture
async def outside(simulator: SimulatorProcess) -> AsyncIterator[httpx.AsyncClient]:
    """The judge's own client, over an emptied simulator."""
    async with httpx.AsyncClient(base_url=simulator.url, timeout=120) as client:
        await client.delete("/_control")
        yield client


@pytest.fixture
def control(outside: httpx.AsyncClient) -> Callable[..., Awaitable[Any]]:
    """`await control("faults", seed=1, ...)` PUTs that setting."""

    async def put(name: str, **body: Any) -> Any:
        answer = await outside.put(f"/_control/{name}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return put


@pytest.fixture
def book(outside: httpx.AsyncClient) -> Callable[..., Awaitable[list[dict[str, Any]]]]:
    """What the provider really issued."""

    async def read(provider: str, **params: str) -> list[dict[str, Any]]:
        answer = await outside.get("/_control/book", params={"provider": provider, **params})
        rows: list[dict[str, Any]] = answer.json()
        return rows

    return read


@pytest.fixture
def request_for() -> Callable[..., OrderRequest]:
    """`request_for("gd1g1", product_id=..., delivery=...)`: a frozen purchase of 20 dollars."""

    def build(key: str = "gd1g1", **changes: Any) -> OrderRequest:
        whole: dict[str, Any] = {
            "product_id": "CVS",
            "face": Money(amount=2000, currency="USD"),
            "delivery": Delivery.EMAIL,
            "recipient": Recipient(name="Ann Lee", email="ann@example.com", phone="+15551234567"),
            "personalization": Personalization(from_name="Acme", message="Thank you!"),
        }
        return OrderRequest(key=key, **(whole | changes))

    return build


class Scripted:
    """An HTTP server that gives the answers queued in `answers`, one a request, and keeps what it
    was asked. An answer is `(status, body)`; a body that is no bytes goes out as JSON."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, Any]] = []
        self.asked: list[tuple[str, bytes]] = []
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lines = head.split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        self.asked.append((lines[0].removesuffix(" HTTP/1.1"), body))
        status, answer = self.answers.pop(0)
        content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        start = f"HTTP/1.1 {status} Said\r\nContent-Type: application/json\r\n"
        length = f"Content-Length: {len(content)}\r\nConnection: close\r\n\r\n"
        writer.write((start + length).encode() + content)
        await writer.drain()
        writer.close()
        await writer.wait_closed()


@pytest.fixture
async def scripted() -> AsyncIterator[Scripted]:
    told = Scripted()
    async with await asyncio.start_server(told.serve, "127.0.0.1", 0) as server:
        told.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield told
