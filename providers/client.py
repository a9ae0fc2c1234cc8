"""The base of all adapters: one HTTP client with its rate limit, and how answers are read."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from functools import partial
from typing import Any, ClassVar

import httpx

from providers.http import exchange, retry_after
from providers.outcomes import NotSent, ProviderError, ProviderMisconfigured, RateLimited
from providers.protocol import Capabilities
from providers.reading import document, in_turn, reading


class ProviderClient:
    """`within`: seconds that one exchange may take. `per_second`: the most requests per second from
    this process, for a provider with a low limit."""

    capabilities: Capabilities
    REFUSALS: ClassVar[frozenset[int]] = frozenset({401, 403, 429})
    """Statuses that concern every request, whatever it is for."""

    def __init__(
        self, url: object, *, within: float, per_second: float | None = None, **client: Any
    ) -> None:
        self._within = within
        self._every = 1 / per_second if per_second else 0
        self._turns = Turns(per_second) if per_second else None
        self._http = httpx.AsyncClient(base_url=str(url).rstrip("/"), timeout=within, **client)

    async def close(self) -> None:
        await self._http.aclose()

    def _refusal(self, response: httpx.Response) -> ProviderError:
        """The error for a status of REFUSALS."""
        if response.status_code != 429:
            return ProviderMisconfigured(f"the credential is refused: {response.status_code}")
        wait = retry_after(response) or self.capabilities.pause or None
        return RateLimited("too many requests", retry_after=wait)

    async def _exchange(
        self, method: str, path: str, *, creates: bool = False, **parts: Any
    ) -> httpx.Response:
        if self._turns:
            # An order must leave while its claim holds; a read has more time.
            await self._turns.take(self._within / 4 if creates else self._within)
        request = self._http.build_request(method, path, **parts)
        return await exchange(self._http, request, within=self._within, creates=creates)

    async def _accepted(
        self, method: str, path: str, *, creates: bool = False, **parts: Any
    ) -> httpx.Response:
        """The answer; raises the refusals that concern every request."""
        response = await self._exchange(method, path, creates=creates, **parts)
        if response.status_code in self.REFUSALS:
            raise self._refusal(response)
        return response

    async def _get(
        self, path: str, params: dict[str, Any] | None = None, *, later: bool = False
    ) -> httpx.Response:
        """`later`: this is a later one of several reads. If the rate limit refuses it, it waits and
        tries again."""
        get = partial(self._accepted, "GET", path, params=params)
        return await (in_turn(get, every=self._every) if later else get())

    def _document(self, path: str, response: httpx.Response) -> dict[str, Any]:
        what = path.split("/")[1]
        if response.status_code != 200:
            raise NotSent(f"{what} could not be read: {response.status_code}")
        with reading(what):
            return document(response)


_MARGIN = 1.1
"""Requests sent a second apart may arrive a little closer together."""


class Turns:
    """The requests of one adapter, from all activities.

    The task queue's limit spaces activities over all workers; this spaces the requests within them.
    """

    def __init__(self, per_second: float) -> None:
        self._every = _MARGIN / per_second
        self._free_at = 0.0
        self._waiting = 0
        self._next = asyncio.Lock()

    async def take(self, patience: float) -> None:
        """Return when a request may be sent.

        Raises RateLimited at once if that would take more than `patience` seconds: nothing was
        sent, and the queue is the better place to wait."""
        wait = max(0.0, self._free_at - time.monotonic()) + self._waiting * self._every
        if wait > patience:
            detail = f"{self._waiting} requests wait for their turn at the provider"
            raise RateLimited(detail, retry_after=timedelta(seconds=wait))
        self._waiting += 1
        try:
            async with self._next:
                await asyncio.sleep(max(0.0, self._free_at - time.monotonic()))
                # Counted from the actual sending: a busy process wakes late.
                self._free_at = time.monotonic() + self._every
        finally:
            self._waiting -= 1
