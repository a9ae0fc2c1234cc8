"""Long answers, which a client may read as slowly as it likes.

They hold no connection to PostgreSQL meanwhile: lists are read chunk by chunk, the next when the
client has read the last; the result of one long statement goes to a temporary file first.
`api.http.connection` disconnects a client that stops reading."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from typing import Annotated, Any, TypeVar

from fastapi import Header
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from domain.refusals import Unavailable
from store.database import Database, ReadSession

T = TypeVar("T")
_BLOCK = 65_536
Accept = Annotated[str, Header(include_in_schema=False)]
"""A route's parameter: the media types that the caller accepts."""


class Writing:
    """Chunks are produced one after the other, with pauses, because the same interpreter answers
    all other requests. One download gets half of its time; four or more together a fifth."""

    longest_rest = 4

    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(1)
        self._wanted = 0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Hold the right to produce a chunk during the block."""
        self._wanted += 1
        try:
            async with self._turn:
                began = time.perf_counter()
                yield
                took = time.perf_counter() - began
                await asyncio.sleep(took * min(self._wanted, self.longest_rest))
        finally:
            self._wanted -= 1


_WRITING = Writing()


class OpenDownloads:
    """Counts the open downloads of this process: each may hold a file and some memory."""

    def __init__(self, *, most: int = 64, of_one_key: int = 48) -> None:
        self._most = most
        self._of_one_key = of_one_key
        self._open: Counter[str] = Counter()

    @contextmanager
    def one(self, app_id: str) -> Iterator[None]:
        """Count one open download during the block. Raises Unavailable if there are too many."""
        if self._open.total() >= self._most or self._open[app_id] >= self._of_one_key:
            raise Unavailable("Too many downloads are open. Try again when one has ended.")
        self._open[app_id] += 1
        try:
            yield
        finally:
            self._open[app_id] -= 1


class Download(StreamingResponse):
    """A long answer, refused while too many are open."""

    def __init__(
        self,
        content: AsyncGenerator[bytes, None],
        media_type: str,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(content, media_type=media_type, headers=headers)
        self._content = content

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        downloads: OpenDownloads = scope["app"].state.resources.downloads
        app_id: str = scope["state"]["caller"].app_id
        with downloads.one(app_id):
            async with aclosing(self._content):
                await super().__call__(scope, receive, send)


async def in_chunks(
    database: Database,
    read: Callable[[ReadSession, T | None], Awaitable[list[T]]],
    write: Callable[[list[T]], str],
) -> AsyncGenerator[bytes, None]:
    """What `write` makes of nothing (a header), then of one chunk of rows after the other. `read`
    returns the rows after one, the first of all for None."""
    yield write([]).encode()
    last: T | None = None
    while True:
        async with _WRITING.turn():
            rows = await database.read(read, last)
            block = (await asyncio.to_thread(write, rows)).encode() if rows else b""
        if not rows:
            return
        last = rows[-1]
        yield block


def csv_file(
    database: Database,
    read: Callable[[ReadSession, T | None], Awaitable[list[T]]],
    lines: Callable[..., str],
) -> Download:
    """A list as a file. `lines` turns rows into text, and returns the header without rows."""
    chunks = in_chunks(database, read, lambda rows: lines(rows, header=not rows))
    return Download(chunks, "text/csv")


def also_csv(rows: str, lines: Callable[..., str]) -> dict[int | str, Any]:
    """The documentation of a list that is also available as a file."""
    example = {"schema": {"type": "string"}, "example": lines([], header=True)}
    description = f"A page as JSON; every {rows} as `text/csv`."
    return {200: {"content": {"text/csv": example}, "description": description}}


async def spooled(source: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """The same bytes. The source is read to its end at its own speed, independent of the reader."""
    more, written = asyncio.Event(), 0
    with tempfile.TemporaryFile(buffering=0) as file:

        async def fill() -> None:
            nonlocal written
            async for block in source:
                await asyncio.to_thread(_write, file.fileno(), block)
                written += len(block)
                more.set()

        filling = asyncio.create_task(fill())
        filling.add_done_callback(lambda _: more.set())
        try:
            at = 0
            while True:
                if at < written:
                    block = await asyncio.to_thread(os.pread, file.fileno(), _BLOCK, at)
                    at += len(block)
                    yield block
                elif filling.done():
                    break
                else:
                    more.clear()
                    await more.wait()
            await filling
        finally:
            filling.cancel()
            await asyncio.gather(filling, return_exceptions=True)


def _write(file: int, block: bytes) -> None:
    while block:
        block = block[os.write(file, block) :]
