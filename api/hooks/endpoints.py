"""Inbound webhooks of gift-card providers. They are hints: whoever knows an order's address can
only cause another look at it; whoever can sign for the account, at any order."""

from __future__ import annotations

from typing import Annotated

import structlog
from fastapi import APIRouter, Path, Request
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api.hooks.account import follow, is_addressed, note_refused, read_signed
from api.http.problems import responses
from api.http.resources import Held, Resources
from domain.refusals import InvalidPayload
from store.database import Database
from store.orders import hints
from store.orders.queries import Hooked, find_by_hook
from store.outage import FAILURES
from store.temporal.start import or_later

log = structlog.get_logger(__name__)

router = APIRouter(prefix="/hooks", tags=["Hooks"])

BODY_LIMIT = 65_536


@router.post(
    "/{provider}/{token}",
    status_code=202,
    response_class=Response,
    responses=responses(
        "invalid_payload",
        "unauthorized",
        "resource_not_found",
        "payload_too_large",
        authenticated=False,
    ),
)
async def receive_hook(
    provider: Annotated[str, Path(description="A provider's name, such as `giftcard-partners`.")],
    token: Annotated[
        str, Path(description="The secret end of the address that the provider was given.")
    ],
    held: Held,
    request: Request,
) -> Response:
    """A provider says that an order has news. At an order's own address the body is not read: the
    order is. At the account's address the body must be signed, and names what it concerns."""
    body = await _read(request)
    account = held.account_hooks.get(provider)
    if account is not None and is_addressed(account, token):
        try:
            event = read_signed(account, request.headers, body)
        except InvalidPayload as refusal:
            await note_refused(held.database, provider, refusal)
            raise
        log.info("hook.received", provider=provider, event_id=event.event_id, bytes=len(body))
        task = BackgroundTask(follow, held.temporal, provider, event)
        return Response(status_code=202, background=task)
    hooked = await _find(held.database, provider, token)
    if hooked is None:
        raise HTTPException(404)
    log.info("hook.received", provider=provider, order_id=hooked.order.id, bytes=len(body))
    return Response(status_code=202, background=BackgroundTask(_pass_on, held, hooked))


async def _find(database: Database, provider: str, token: str) -> Hooked | None:
    if "\x00" in provider + token:
        return None
    return await database.read(find_by_hook, provider, token)


async def _read(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_LIMIT:
            raise HTTPException(413, f"The body may have {BODY_LIMIT // 1024} KB here.")
    return bytes(body)


async def _pass_on(held: Resources, hooked: Hooked) -> None:
    """Tell who carries the grant. If that fails, its poll finds the news a little later."""
    try:
        with or_later("hook.not_passed_on", order_id=hooked.order.id):
            await hints.pass_on(held.temporal, held.database, hooked)
    except FAILURES as error:
        log.warning("hook.not_passed_on", order_id=hooked.order.id, error=type(error).__name__)
