"""The provider's side of a test: the simulator's process, and who hears its webhooks."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from cli.stack.ports import Ports

Hear = Callable[[str], Awaitable[None]]
"""Takes the token at the end of a webhook's address."""
Take = Callable[[str, dict[str, str], bytes], Awaitable[None]]
"""Takes a webhook's path, headers and body."""


class Simulator:
    """What a test sets at the simulator, and what it reads there."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = httpx.AsyncClient(base_url=url, timeout=120)

    async def put(self, setting: str, **values: Any) -> dict[str, Any]:
        """Change a setting of `/_control`, for every provider unless one is named."""
        answer = await self._http.put(f"/_control/{setting}", json=values)
        assert answer.is_success, answer.text
        content: dict[str, Any] = answer.json()
        return content

    async def funds(self, amount: int) -> None:
        await self.put("funds", provider="giftcard-partners", amount=amount)

    async def book(self, *keys: str) -> list[dict[str, Any]]:
        """Cards really issued or promised, those of the keys when any are given."""
        cards = (await self._http.get("/_control/book")).json()
        return [card for card in cards if not keys or card["key"] in keys]

    async def tamper(self, **changes: Any) -> None:
        """Change the provider's book behind our back."""
        answer = await self._http.post("/_control/tamper", json=changes)
        assert answer.is_success, answer.text

    async def held(self) -> list[str]:
        """Order keys of the requests that a hold keeps waiting."""
        keys: list[str] = (await self._http.get("/_control/hold")).json()["keys"]
        return keys

    async def stats(self, provider: str = "giftcard-partners") -> dict[str, int]:
        """How often it was asked, and what it did."""
        counted: dict[str, int] = (await self._http.get("/_control/stats")).json()[provider]
        return counted

    async def reset(self) -> None:
        """Everything as in a fresh simulator, but quick."""
        await self.put("hold", point=None)
        await self._http.delete("/_control")
        await self.put("delivery", seconds=0, outcome="delivered")

    async def close(self) -> None:
        await self._http.aclose()


@contextmanager
def simulator_process(state: Path) -> Iterator[str]:
    """Run the simulator by the product's own command; gives its address."""
    port = Ports.free().resolve().simulator
    guerdon = str(Path(sys.executable).with_name("guerdon"))
    command = [guerdon, "simulator", "--state", str(state), "--port", str(port)]
    process, url = subprocess.Popen(command), f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 180
        while not _answers(url):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait(10)


def _answers(url: str) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(f"{url}/_control/stats").is_success
    return False


class Hooks:
    """Where the provider's webhooks arrive. `hear` may be exchanged: to lose or delay them.
    `take`, where it is set, gets each one whole instead."""

    def __init__(self) -> None:
        self.tokens: list[str] = []
        self.hear: Hear = ignore
        self.take: Take | None = None
        self._server: asyncio.Server | None = None
        self._answering: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        assert self._server is not None
        host, port = self._server.sockets[0].getsockname()
        return f"http://{host}:{port}"

    def keep(self) -> None:
        """From now on webhooks only pile up in `tokens`."""
        self.tokens, self.hear = [], ignore

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._begin, "127.0.0.1")

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._answering:
            task.cancel()
        await asyncio.gather(*self._answering, return_exceptions=True)

    def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._answer(reader, writer))
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        closed = contextlib.suppress(asyncio.IncompleteReadError, ConnectionError)
        with contextlib.closing(writer), closed:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                body = await reader.readexactly(_length(head))
                path = head.split()[1]
                token = path.rpartition("/")[2]
                self.tokens.append(token)
                if self.take:
                    await self.take(path, _headers(head), body)
                else:
                    await self.hear(token)
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
                await writer.drain()


def _headers(head: str) -> dict[str, str]:
    lines = head.strip().split("\r\n")[1:]
    return {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}


def _length(head: str) -> int:
    for line in head.lower().splitlines():
        if line.startswith("content-length:"):
            return int(line.partition(":")[2])
    return 0


async def ignore(token: str) -> None:
    """Webhooks get lost."""
