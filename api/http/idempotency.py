"""Answers a repeated POST like the first one."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

import structlog
from fastapi import Request
from fastapi.responses import Response

from api.http.access import Caller
from api.http.answer_subjects import named_in
from api.http.errors import answer_to
from api.http.resources import resources_of
from domain.refusals import IdempotencyKeyReused, InvalidPayload
from store.access.idempotency import Answer, KeyLock, claim, keep, release
from store.database import Database
from store.outage import is_outage

log = structlog.get_logger(__name__)

HEADER = "idempotency-key"
_FINAL = frozenset({"invalid_payload", "missing_customer", "identity_reused"})
"""Refusals that never change for the same request. Others are not stored: a campaign may be
enabled, a budget raised, a customer created, and the repeat is then accepted."""
_ENCRYPTED = "encrypted "

Handler = Callable[[Request], Awaitable[Response]]


async def answer_once(request: Request, key: str, handle: Handler) -> Response:
    """Run the request, or replay the answer that this credential got for `key` before."""
    if not 1 <= len(key) <= 255:
        raise InvalidPayload("Idempotency-Key must have 1 to 255 characters.")
    caller: Caller = request.state.caller
    database = resources_of(request).database
    claimed = await claim(database, caller.app_id, key, request.state.fingerprint.hexdigest())
    if isinstance(claimed, Answer):
        body, kind = _opened(request, claimed, key)
        headers = {"Idempotent-Replayed": "true", "Content-Type": kind}
        return Response(body, claimed.status, headers=headers)
    return await _run(request, database, claimed, handle)


def keep_encrypted(request: Request) -> None:
    """The answer to this request contains a secret: the stored copy is encrypted."""
    request.state.holds_secret = True


def _stored(request: Request, response: Response, key: str) -> tuple[bytes, str]:
    body, kind = bytes(response.body), response.headers["content-type"]
    if not getattr(request.state, "holds_secret", False):
        return body, kind
    return resources_of(request).vault.encrypt(body, key), _ENCRYPTED + kind


def _opened(request: Request, answer: Answer, key: str) -> tuple[bytes, str]:
    if not answer.content_type.startswith(_ENCRYPTED):
        return answer.body, answer.content_type
    kind = answer.content_type.removeprefix(_ENCRYPTED)
    try:
        return resources_of(request).vault.decrypt(answer.body, key), kind
    except ValueError:
        raise IdempotencyKeyReused("The first answer's secret cannot be read any more.") from None


async def _run(request: Request, database: Database, claimed: KeyLock, handle: Handler) -> Response:
    try:
        response = await _answer(request, handle)
    except Exception:
        await _settle(release(database, claimed))
        raise
    if response.status_code < 300 or _refused_for(response) in _FINAL:
        body, kind = _stored(request, response, claimed.key)
        named = await named_in(request, bytes(response.body))
        answer = Answer(response.status_code, kind, body)
        await _settle(keep(database, claimed, answer, named))
    else:
        await _settle(release(database, claimed))
    return response


def _refused_for(response: Response) -> str | None:
    """The key of a refusal; None for another answer."""
    if not 400 <= response.status_code < 500:
        return None
    refusal: dict[str, str] = json.loads(bytes(response.body))
    return refusal.get("key")


async def _answer(request: Request, handle: Handler) -> Response:
    try:
        return await handle(request)
    except Exception as error:
        answer = answer_to(request, error)
        if answer is None:
            raise
        return answer


async def _settle(settling: Awaitable[None]) -> None:
    """The request's own result is returned even if this fails: an unsettled claim expires."""
    try:
        await settling
    except Exception as error:
        if not is_outage(error):
            raise
        log.warning("idempotency.settle_failed", error=type(error).__name__)
