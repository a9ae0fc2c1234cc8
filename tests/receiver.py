"""Whoever gives custom rewards or listens to webhooks, as a test plays it: an HTTP server that
says what it is told to."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any, NamedTuple


class Received(NamedTuple):
    """One request, as it came."""

    headers: dict[str, str]
    body: bytes

    @property
    def content(self) -> Any:
        return json.loads(self.body)


class Receiver:
    """Answers with `statuses` in turn, the last one for ever; 0 hangs up without an answer."""

    def __init__(self) -> None:
        self.statuses = [200]
        self.location = ""
        self.seconds = 0.0
        """Before an answer."""
        self.received: list[Received] = []
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/rewards"

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._answer, "127.0.0.1")

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            lines = [line.partition(": ") for line in head.split("\r\n")[1:] if line]
            headers = {name.lower(): value for name, _, value in lines}
            body = await reader.readexactly(int(headers["content-length"]))
            self.received.append(Received(headers, body))
            status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
            await asyncio.sleep(self.seconds)
            if status:
                moved = f"Location: {self.location}\r\n" if self.location else ""
                answer = f"HTTP/1.1 {status} Said\r\n{moved}Content-Length: 0\r\n\r\n"
                writer.write(answer.encode())
                await writer.drain()
