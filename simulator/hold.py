"""A test aid: holds order-creating requests at a known point, so that a test can kill the process
then.

`received` waits before processing, `committed` after the book has the order, and `answered` only
records the keys whose answer was sent. In memory, like the requests that it holds."""

import asyncio
from typing import Any

from starlette.requests import Request

POINTS = ("received", "committed", "answered")


class Hold:
    """At most one hold at a time, for one provider or for all."""

    def __init__(self) -> None:
        self._held: dict[int, str] = {}
        self._answered: list[str] = []
        self._point: str | None = None
        self._provider: str | None = None
        self._left: int | None = None
        self._released = asyncio.Event()

    def put(self, point: str | None, provider: str | None, count: int | None) -> None:
        """Release what is held, then hold the next `count` requests (None: all) at `point`."""
        self._released.set()
        self._released = asyncio.Event()
        self._point, self._provider, self._left = point, provider, count
        self._answered = []

    def report(self) -> dict[str, Any]:
        return {
            "point": self._point,
            "provider": self._provider,
            "holding": len(self._held),
            "keys": list(self._held.values()),
            "answered": self._answered,
        }

    async def at(self, point: str, provider: str, key: str, request: Request) -> bool:
        """Wait here if requested. False: the caller has disconnected."""
        if not self._takes(point, provider):
            return True
        token = id(request)
        self._held[token] = key
        try:
            return await until(self._released, request)
        finally:
            del self._held[token]

    @property
    def notes_answers(self) -> bool:
        return self._point == "answered"

    async def note_answered(self, provider: str, key: str) -> None:
        if self._takes("answered", provider):
            self._answered.append(key)

    def _takes(self, point: str, provider: str) -> bool:
        if point != self._point or self._provider not in (None, provider) or self._left == 0:
            return False
        if self._left is not None:
            self._left -= 1
        return True


async def until(
    event: asyncio.Event, request: Request, timeout_seconds: float | None = None
) -> bool:
    """Wait for the event or the time; False when the caller disconnects first."""
    gone = asyncio.create_task(disconnect(request))
    done = asyncio.create_task(event.wait())
    try:
        await asyncio.wait(
            (gone, done), timeout=timeout_seconds, return_when=asyncio.FIRST_COMPLETED
        )
        return not gone.done()
    finally:
        gone.cancel()
        done.cancel()


async def disconnect(request: Request) -> None:
    """Return when the caller's connection is closed; the body must have been read before."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
