"""Limits a request's body in size and time."""

from __future__ import annotations

import asyncio
from hashlib import sha256

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Message, Receive, Scope

from domain.refusals import InvalidPayload

BODY_LIMIT = 1_000_000
"""Bytes of a request's body."""
FILE_LIMIT = 10_000_000
"""Bytes for files or many rows: Voucherify's own limit."""
STATEMENT_LIMIT = 200_000_000
"""Bytes of a provider's statement, which is read piece by piece."""
_STATEMENTS = "/v1/reconciliations/statements"
_FILES = ("/importCSV", "/import", "/bulk/async", "/metadata/async")

PATIENCE = 15.0
"""Seconds that any body may take; a long one gets more, in proportion to what has arrived."""
SLOWEST = 20_000.0
"""Minimum bytes a second of a long body."""


def limit_of(path: str) -> int:
    """The maximum size of a body at this path."""
    if path == _STATEMENTS:
        return STATEMENT_LIMIT
    return FILE_LIMIT if path.endswith(_FILES) else BODY_LIMIT


class Arrival:
    """Receives one request's body. Raises HTTPException 413 for one that is too large, by its
    header or by counting, and InvalidPayload for one that does not arrive in time."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._receive = receive
        self._limit = limit_of(scope["path"])
        headers = dict(scope["headers"])
        declared = headers.get(b"content-length", b"")
        too_large = len(declared) > 9 or (declared.isdigit() and int(declared) > self._limit)
        self._received = self._limit + 1 if too_large else 0
        self._whole = False
        self._ends: float | None = None
        # Removed while it passes, so that a file is not kept in memory.
        self._digest = sha256(target_of(scope)) if b"idempotency-key" in headers else None
        scope["state"]["fingerprint"] = self._digest

    async def receive(self) -> Message:
        if self._whole:
            return await self._receive()
        self._must_fit()
        message = await self._next()
        body = message.get("body", b"")
        self._received += len(body)
        self._must_fit()
        if self._digest:
            self._digest.update(body)
        self._whole = not message.get("more_body", False)
        return message

    def _must_fit(self) -> None:
        if self._received > self._limit:
            raise HTTPException(413, f"The body may have {self._limit // 1_000_000} MB here.")

    async def _next(self) -> Message:
        now = asyncio.get_running_loop().time()
        self._ends = self._ends or now + PATIENCE
        try:
            async with asyncio.timeout_at(self._ends + self._received / SLOWEST):
                return await self._receive()
        except TimeoutError:
            raise InvalidPayload("The body did not arrive in time. Send it again.") from None


def target_of(scope: Scope) -> bytes:
    """The request target, without its body."""
    url = Request(scope).url
    return f"{scope['method']} {url.path}?{url.query}\n".encode()
