"""Connections that hold on without moving, over real sockets."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import ClassVar

import pytest
import pytest_asyncio
import uvicorn
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.types import Receive, Scope, Send

from api.http.connection import BoundedProtocol
from api.server import configured

GET = b"GET / HTTP/1.1\r\nHost: guerdon.test\r\n\r\n"


class Hasty(BoundedProtocol):
    """With deadlines that a test can wait for."""

    headers_within: ClassVar[float] = 1.0
    rest_within: ClassVar[float] = 0.5
    reads_within: ClassVar[float] = 0.5
    most_half_open: ClassVar[int] = 20


class Served:
    """An application that says how many of its endless answers are still under way."""

    port = 0
    streaming = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/endless":
            self.streaming += 1
            try:
                await StreamingResponse(self._endless())(scope, receive, send)
            finally:
                self.streaming -= 1
        else:
            body = await Request(scope, receive).body() if scope["path"] == "/read" else b""
            await PlainTextResponse(f"ok {len(body)}")(scope, receive, send)

    async def _endless(self) -> AsyncIterator[bytes]:
        while True:
            await asyncio.sleep(0)
            yield b"0" * 65_536

    @asynccontextmanager
    async def connected(
        self,
    ) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            yield reader, writer
        finally:
            writer.close()


@pytest_asyncio.fixture
async def served() -> AsyncIterator[Served]:
    app = Served()
    config = configured(app, "127.0.0.1", 0)
    config.http, config.lifespan = Hasty, "off"
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve())
    while not server.started:
        await asyncio.sleep(0.01)
    app.port = server.servers[0].sockets[0].getsockname()[1]
    yield app
    server.should_exit = True
    await serving


async def _ended(reader: asyncio.StreamReader) -> bytes:
    """What still comes until the server ends the connection. Raises TimeoutError if it does not."""
    async with asyncio.timeout(60):
        try:
            return await reader.read()
        except ConnectionResetError:
            return b""


class TestHeaders:
    @pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\nHost: gue"])
    async def test_must_be_whole_in_time(self, served: Served, begun: bytes) -> None:
        async with served.connected() as (reader, writer):
            writer.write(begun)
            assert await _ended(reader) == b""

    async def test_that_trickle_gain_no_time(self, served: Served) -> None:
        async with served.connected() as (reader, writer):
            ended = asyncio.create_task(_ended(reader))
            writer.write(b"GET / HTTP/1.1\r\n")
            async with asyncio.timeout(60):
                while not ended.done():
                    writer.write(b"X-More: 1\r\n")
                    await asyncio.sleep(0.1)

    async def test_headers_of_the_next_request_must_be_complete_in_time(
        self, served: Served
    ) -> None:
        async with served.connected() as (reader, writer):
            writer.write(GET)
            assert b"200" in await reader.readuntil(b"ok 0")
            writer.write(b"GET / HT")
            assert await _ended(reader) == b""

    async def test_an_idle_connection_between_requests_is_kept(self, served: Served) -> None:
        async with served.connected() as (reader, writer):
            for _ in range(2):
                writer.write(GET)
                assert b"200" in await reader.readuntil(b"ok 0")
                await asyncio.sleep(2 * Hasty.headers_within)

    async def test_endless_headers_are_cut_off(self, served: Served) -> None:
        async with served.connected() as (reader, writer):
            writer.write(b"GET / HTTP/1.1\r\nX-Long: " + b"0" * 1_000_000)
            assert await _ended(reader) == b""

    async def test_the_oldest_half_open_connection_makes_room(self, served: Served) -> None:
        async with AsyncExitStack() as opened:
            first, _ = await opened.enter_async_context(served.connected())
            for _ in range(Hasty.most_half_open):
                await opened.enter_async_context(served.connected())
            async with served.connected() as (reader, writer):
                writer.write(GET)
                assert b"200" in await reader.readuntil(b"ok 0")
            # Well before its own deadline, which the others are still waiting for.
            async with asyncio.timeout(Hasty.headers_within / 2):
                assert await first.read() == b""


class TestBodies:
    POST = b"POST / HTTP/1.1\r\nHost: guerdon.test\r\nContent-Length: 100\r\n\r\nhalf"

    async def test_the_rest_behind_an_answer_must_come_in_time(self, served: Served) -> None:
        async with served.connected() as (reader, writer):
            writer.write(self.POST)
            assert b"200" in await reader.readuntil(b"ok 0")
            assert await _ended(reader) == b""

    async def test_a_rest_that_comes_keeps_the_connection(self, served: Served) -> None:
        async with served.connected() as (reader, writer):
            writer.write(self.POST)
            assert b"200" in await reader.readuntil(b"ok 0")
            writer.write(b"0" * 96)
            await asyncio.sleep(2 * Hasty.rest_within)
            writer.write(GET)
            assert b"200" in await reader.readuntil(b"ok 0")

    async def test_trailers_without_end_are_not_gathered(self, served: Served) -> None:
        chunked = b"POST /read HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n"
        async with served.connected() as (reader, writer):
            writer.write(chunked + b"1\r\na\r\n0\r\nX-Long: " + b"0" * 1_000_000)
            assert await _ended(reader) == b""

    async def test_small_chunks_are_read(self, served: Served) -> None:
        chunked = b"POST /read HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n"
        async with served.connected() as (reader, writer):
            writer.write(chunked + b"10\r\n" + b"a" * 16 + b"\r\n")
            for _ in range(10_000):
                writer.write(b"10\r\n" + b"a" * 16 + b"\r\n")
            writer.write(b"0\r\n\r\n")
            assert b"200" in await reader.readuntil(b"ok 160016")


class TestAnswers:
    async def test_a_client_that_stops_reading_is_cut_off(self, served: Served) -> None:
        async with served.connected() as (reader, writer):
            writer.write(b"GET /endless HTTP/1.1\r\nHost: guerdon.test\r\n\r\n")
            await reader.readexactly(100)
            assert served.streaming == 1
            async with asyncio.timeout(60):
                while served.streaming:
                    await asyncio.sleep(0.05)

    async def test_a_client_that_reads_is_not(self, served: Served) -> None:
        async with served.connected() as (reader, writer):
            writer.write(b"GET /endless HTTP/1.1\r\nHost: guerdon.test\r\n\r\n")
            ends = time.monotonic() + 3 * Hasty.reads_within
            while time.monotonic() < ends:
                await reader.readexactly(65_536)
            assert served.streaming == 1
