"""Answering a repeated POST like the first one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from hashlib import sha256

import structlog
from fastapi import Request
from fastapi.responses import Response

from api.access import Caller
from api.errors import answer_to
from api.resources import resources_of
from domain.refusals import InvalidPayload
from store.database import Database
from store.idempotency import Answer, Claim, claim, keep, release
from store.outage import is_outage

log = structlog.get_logger(__name__)

HEADER = "idempotency-key"
_DEFINITE = frozenset({400, 404, 409, 422})
"""Refusals that the same request would get again. Others (busy, not allowed) may change."""

Handler = Callable[[Request], Awaitable[Response]]


async def answer_once(request: Request, key: str, handle: Handler) -> Response:
    """Run the request, or replay the answer that this credential got under `key` before."""
    if not 1 <= len(key) <= 255:
        raise InvalidPayload("Idempotency-Key must have 1 to 255 characters.")
    caller: Caller = request.state.caller
    database = resources_of(request).database
    claimed = await claim(database, caller.app_id, key, await _hash(request))
    if isinstance(claimed, Answer):
        headers = {"Idempotent-Replayed": "true", "Content-Type": claimed.content_type}
        return Response(claimed.body, claimed.status, headers=headers)
    return await _run(request, database, claimed, handle)


async def _run(request: Request, database: Database, claimed: Claim, handle: Handler) -> Response:
    try:
        response = await _answer(request, handle)
    except Exception:
        await _settle(release(database, claimed))
        raise
    if response.status_code < 300 or response.status_code in _DEFINITE:
        body, kind = bytes(response.body), response.headers["content-type"]
        await _settle(keep(database, claimed, Answer(response.status_code, kind, body)))
    else:
        await _settle(release(database, claimed))
    return response


async def _answer(request: Request, handle: Handler) -> Response:
    try:
        return await handle(request)
    except Exception as error:
        answer = answer_to(request, error)
        if answer is None:
            raise
        return answer


async def _settle(settling: Awaitable[None]) -> None:
    """The request's own outcome stands, whether or not this works: an unsettled claim lapses."""
    try:
        await settling
    except Exception as error:
        if not is_outage(error):
            raise
        log.warning("idempotency.not_settled", error=type(error).__name__)


async def _hash(request: Request) -> str:
    target = f"{request.method} {request.url.path}?{request.url.query}\n"
    return sha256(target.encode() + await request.body()).hexdigest()
