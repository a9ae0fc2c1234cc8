"""Reads a stack from the outside: the API's lists, and the providers' own books."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import httpx

from cli.stack.stack import Stack

OPEN = ("waiting", "converted", "on_hold", "in_review", "fulfilling")
Row = dict[str, Any]


class Outside:
    """Reads with retries, because a process may have just been killed."""

    def __init__(self, stack: Stack, http: httpx.AsyncClient) -> None:
        self._stack = stack
        self._http = http

    async def total(self, status: str) -> int:
        """The number of referrals with that status."""
        page = await self.get("/v1/referrals", {"status": status, "limit": 1})
        return int(page["total"])

    async def all(self, path: str) -> list[Row]:
        """Every row of a list, page by page."""
        rows: list[Row] = []
        page: Row = {"has_more": True}
        while page["has_more"]:
            query: dict[str, Any] = {"limit": 100}
            if rows:
                query["starting_after_id"] = rows[-1]["id"]
            page = await self.get(path, query)
            rows += page["data"]
        return rows

    async def book(self) -> list[Row]:
        """Every card that a provider issued."""
        rows: list[Row] = await self.get(f"{self._stack.urls.simulator}/_control/book")
        return rows

    async def stats(self) -> dict[str, dict[str, int]]:
        """The counters of each provider."""
        url = f"{self._stack.urls.simulator}/_control/stats"
        counts: dict[str, dict[str, int]] = await self.get(url)
        return counts

    async def post(self, path: str, body: Row) -> Row:
        """POST to the API; all processes are running again by now."""
        answer = await self._http.post(path, json=body)
        answer.raise_for_status()
        content: Row = answer.json()
        return content

    async def get(self, url: str, query: Row | None = None, seconds: float = 60) -> Any:
        """The answer of that address, requested until there is one."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                answer = await self._http.get(url, params=query)
                answer.raise_for_status()
                return answer.json()
            except (httpx.TransportError, httpx.HTTPStatusError):
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(0.3)


_TWICE = 3
"""Seconds that everything must be at rest. Statuses are counted one after the other, so a referral
that changes meanwhile may be missed in both."""


async def rest(
    outside: Outside,
    say: Callable[[str], None],
    *,
    open_ones: int = 0,
    still: float = 90,
    settle: float = 200,
) -> bool:
    """Wait until at most `open_ones` referrals are open.

    True if that is reached; False if nothing changed for `still` seconds. At the end, what is
    parked must not change for `settle` seconds: some causes pass once the faults have ended."""
    seen: tuple[int, ...] = ()
    since = time.monotonic()
    while True:
        counts = tuple([await outside.total(status) for status in (*OPEN, "needs_attention")])
        if counts != seen:
            seen, since = counts, time.monotonic()
            say(f"waiting for rest: {sum(counts[:-1])} open, {counts[-1]} parked")
        quiet, parked = time.monotonic() - since, counts[-1]
        if sum(counts[:-1]) > open_ones:
            if quiet > still:
                return False
        elif open_ones or quiet > (settle if parked else _TWICE):
            return True
        await asyncio.sleep(1.0)
