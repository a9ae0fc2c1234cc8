"""Where a provider's webhooks arrive: kept whole, answered at once, and read by the test."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import NamedTuple


class Hook(NamedTuple):
    """One webhook as it came over the wire."""

    path: str
    headers: dict[str, str]
    body: bytes


class HooksReceived:
    """An HTTP server. `hear` is awaited before each answer."""

    def __init__(self) -> None:
        self.hooks: list[Hook] = []
        self.hear: Callable[[Hook], Awaitable[None]] | None = None
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        assert self._server is not None
        host, port = self._server.sockets[0].getsockname()
        return f"http://{host}:{port}"

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1")

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def arrived(self, count: int) -> list[Hook]:
        """All of them, once there are so many."""
        async with asyncio.timeout(120):
            while len(self.hooks) < count:
                await asyncio.sleep(0.02)
        return list(self.hooks)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        gone = contextlib.suppress(asyncio.IncompleteReadError, ConnectionError)
        with contextlib.closing(writer), gone:
            while True:
                hook = await _read(reader)
                self.hooks.append(hook)
                if self.hear:
                    await self.hear(hook)
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
                await writer.drain()


async def _read(reader: asyncio.StreamReader) -> Hook:
    start, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Hook(start.split()[1], headers, body)
