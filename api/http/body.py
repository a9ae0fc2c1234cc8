"""Reads a JSON body, in turn with other requests, and only up to a size that can be processed.
Allowed values are defined in `domain.json_text`."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import IO, Any, ParamSpec, TypeVar

from fastapi import Request

from api.http.row_reader import RowReader
from domain.json_text import WrongJson, inspect, text_of, value_of
from domain.refusals import InvalidPayload, UnsupportedMediaType

P = ParamSpec("P")
T = TypeVar("T")
MAX_VALUES = 20_000
"""Values of a body that is no list of rows: a megabyte of `{}` would be 300,000."""
MAX_CELLS = 2_000_000
"""Values in all rows together."""
_IN_MEMORY = 65_536
"""Bytes of a long body that are kept in memory while it arrives."""


class JsonRequest(Request):
    """A request whose JSON body is read once, before its route is called. `value`: the parsed body,
    None for no body."""

    value: Any = None
    is_long = False

    async def json(self) -> Any:
        return self.value

    async def read(self) -> None:
        """Raises InvalidPayload or UnsupportedMediaType."""
        if body := await self.body():
            self._must_be_json()
            self.is_long = len(body) > _IN_MEMORY
            self.value = await self.off_loop(parse, body)

    async def off_loop(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work`; for a long body in a thread, so that the event loop continues."""
        if self.is_long:
            return await asyncio.to_thread(work, *args, **kwargs)
        return work(*args, **kwargs)

    @asynccontextmanager
    async def spooled(self) -> AsyncIterator[IO[bytes]]:
        """The complete body, on disk if it is long."""
        with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as spool:
            async for piece in self.stream():
                await asyncio.to_thread(spool.write, piece)
            spool.seek(0)
            yield spool

    async def read_rows(self, spool: IO[bytes]) -> None:
        """The same as `read`, for a list of many rows, or an object with such a list."""
        self._body = await asyncio.to_thread(spool.read)
        if self._body:
            self._must_be_json()
            self.is_long = len(self._body) > _IN_MEMORY
            self.value = await asyncio.to_thread(parse_rows, self._body)

    def _must_be_json(self) -> None:
        if media_type_of(self) != "application/json":
            raise UnsupportedMediaType("Send application/json.")


def media_type_of(request: Request) -> str:
    """Without its parameters, in lower case."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def parse(body: bytes) -> Any:
    """The value of a body. Raises InvalidPayload."""
    too_many = InvalidPayload(f"The body has more than {MAX_VALUES} values.", field="")
    if _lists(body) > MAX_VALUES:
        raise too_many
    with _json():
        value = value_of(body)
    # Only bodies with something suspicious are walked through.
    if body.count(b",") > MAX_VALUES and has_more_than(MAX_VALUES, value):
        raise too_many
    return value


def parse_rows(body: bytes) -> Any:
    """The same for a list of up to MAX_ROWS rows, or for an object with a list."""
    if body.count(b",") + _lists(body) > MAX_CELLS:
        raise InvalidPayload(f"More than {MAX_CELLS} values: send them in parts.", field="")
    with _json():
        text = text_of(body)
        value = RowReader(text).whole()
        inspect(text, value)
    return value


def has_more_than(most: int, value: Any) -> bool:
    """Whether it contains more values than that."""
    count, found = 0, [value]
    while found and count <= most:
        one = found.pop()
        count += 1
        if isinstance(one, dict):
            found.extend(one.values())
        elif isinstance(one, list):
            found.extend(one)
    return count > most


@contextmanager
def _json() -> Iterator[None]:
    try:
        yield
    except WrongJson as wrong:
        raise InvalidPayload(str(wrong), field=wrong.pointer) from None
    except (ValueError, RecursionError):
        raise InvalidPayload("The body is not valid JSON.", field="") from None


def _lists(body: bytes) -> int:
    """The number of lists and objects in it; brackets within its texts count too."""
    return body.count(b"[") + body.count(b"{")
