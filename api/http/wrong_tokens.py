"""Counts wrong credentials by the address they come from."""

from __future__ import annotations

import time

from api.metrics import WRONG_TOKENS
from domain.refusals import Unauthorized

MOST = 10
"""Wrong credentials of one address within a window; then it must wait for the window's end."""
WINDOW = 60.0
"""Seconds."""
_ADDRESSES = 10_000
"""Addresses that are counted at once."""


class WrongTokens:
    """Requests with valid credentials never wait, because other clients may share the address."""

    def __init__(self) -> None:
        self._counts: dict[str, tuple[float, int]] = {}

    def note(self, address: str) -> int:
        """Count one; return the count when the address first has to wait, else 0."""
        WRONG_TOKENS.inc()
        ends, count = self._counts.get(address, (0.0, 0))
        if ends <= time.monotonic():
            self._make_room()
            ends, count = time.monotonic() + WINDOW, 0
        self._counts[address] = (ends, count + 1)
        return count + 1 if count + 1 == MOST else 0

    def must_not_wait(self, address: str) -> None:
        """Raises Unauthorized with the seconds to wait."""
        ends, count = self._counts.get(address, (0.0, 0))
        left = ends - time.monotonic()
        if count >= MOST and left > 0:
            seconds = int(left) + 1
            raise Unauthorized(
                f"Too many wrong credentials from this address. Try again in {seconds} s.",
                retry_after=seconds,
            )

    def _make_room(self) -> None:
        if len(self._counts) < _ADDRESSES:
            return
        moment = time.monotonic()
        self._counts = {address: kept for address, kept in self._counts.items() if kept[0] > moment}
        if len(self._counts) >= _ADDRESSES:
            self._counts.clear()
