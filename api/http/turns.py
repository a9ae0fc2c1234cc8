"""Decides which request is processed next."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Hashable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from domain.round_robin import RoundRobin


class RequestTurns:
    """At most as many requests at once as there are connections: the pool itself serves whoever
    asks next, and lets waiting ones starve in a burst.

    Codes take turns, and one request per code is processed at a time: however many friends use a
    code at once, a friend with another code waits for few of them."""

    def __init__(self, at_once: int) -> None:
        self._free = at_once
        self._waiting: RoundRobin[asyncio.Future[None]] = RoundRobin()
        self._busy: set[Hashable] = set()

    @asynccontextmanager
    async def take(self, code: str | None) -> AsyncIterator[None]:
        """Wait for the turn, and hold it for the block. Requests without a code are not throttled:
        they only wait for earlier ones."""
        key: Hashable = object() if code is None else code
        turn = asyncio.get_running_loop().create_future()
        self._waiting.add(key, turn)
        self._admit()
        try:
            await turn
            yield
        finally:
            if turn.done() and not turn.cancelled():
                self._give_back(key)

    def _give_back(self, key: Hashable) -> None:
        self._free += 1
        self._busy.remove(key)
        self._admit()

    def _admit(self) -> None:
        while self._free and (whose := self._waiting.take(self._may)):
            key, turn = whose
            if not turn.cancelled():  # who gave up waiting
                self._free -= 1
                self._busy.add(key)
                turn.set_result(None)

    def _may(self, key: Hashable) -> bool:
        return key not in self._busy


_WAYS: tuple[tuple[str | int, ...], ...] = (
    ("referral", "code"),
    ("redeemables", 0, "id"),
    ("code",),
)


def code_in(path: Mapping[str, Any], body: Any) -> str | None:
    """The code that a request names: in its path, or in its body as a conversion event, a
    redemption or a sign-up. The body is not validated yet."""
    if "code" in path:
        return str(path["code"])
    return next((code for way in _WAYS if (code := _at(body, way))), None)


def _at(body: Any, way: tuple[str | int, ...]) -> str | None:
    for step in way:
        try:
            body = body[step]
        except (KeyError, IndexError, TypeError):
            return None
    return body if isinstance(body, str) else None
