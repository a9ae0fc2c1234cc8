"""The log of messages; staff send again, mail services report bounces and complaints."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import Query

from api.http.access import READERS, Calling
from api.http.lists import Windowed
from api.http.parameters import CustomerQuery, MessagePath
from api.http.resources import Held
from api.http.route import GuardedRouter
from api.messages.schemas import MessageAnswer, MessageList, ReportIn
from domain.dates import Instant
from domain.messaging.channels import Channel
from domain.messaging.sending import MessageStatus
from domain.roles import Role
from store.messages import queries as reading
from store.messages.resend import report, resend
from store.messages.start import Written, start_messages

router = GuardedRouter("/v1/messages", "Messages", roles=READERS)
_SHORT = timedelta(seconds=2)


@router.get("", "invalid_payload")
async def list_messages(
    held: Held,
    window: Windowed,
    status: Annotated[MessageStatus | None, Query(description="Where it stands.")] = None,
    channel: Annotated[Channel | None, Query(description="How it goes out.")] = None,
    distribution_id: Annotated[
        str | None, Query(max_length=64, description="A distribution's id.")
    ] = None,
    customer: CustomerQuery = None,
    referral_id: Annotated[str | None, Query(max_length=64, description="A referral's id.")] = None,
    grant_id: Annotated[str | None, Query(max_length=64, description="A grant's id.")] = None,
    from_: Annotated[
        Instant | None, Query(alias="from", description="Written down then or later.")
    ] = None,
    to: Annotated[Instant | None, Query(description="Written down before that.")] = None,
) -> MessageList:
    """Messages, newest first, each with what became of it and why."""
    filters = reading.Filters(
        status, channel, distribution_id, customer, referral_id, grant_id, from_, to
    )
    found, page = await held.database.read(reading.page, window, filters)
    return MessageList.of([MessageAnswer.of(one) for one in found], page)


@router.get("/{message_id}", "resource_not_found")
async def get_message(message_id: MessagePath, held: Held) -> MessageAnswer:
    """One message."""
    return await _answer(held, message_id)


@router.post(
    "/{message_id}/resend",
    "resource_not_found",
    "not_allowed_in_state",
    roles=[Role.SUPPORT],
    status_code=201,
)
async def resend_message(message_id: MessagePath, caller: Calling, held: Held) -> MessageAnswer:
    """Send it once more: a new message about the same, at once, with today's words. It is judged
    like the first: nobody gets what was undone or what they do not want."""
    async with held.database.transaction() as tx:
        again = await resend(tx, message_id, caller.actor)
    await start_messages(held.temporal, [Written(again.id, again.due_at)], within=_SHORT)
    return await _answer(held, again.id)


@router.post(
    "/{message_id}/report",
    "resource_not_found",
    "not_allowed_in_state",
    roles=[Role.SERVICE, Role.SUPPORT],
)
async def report_message(message_id: MessagePath, body: ReportIn, held: Held) -> MessageAnswer:
    """It came back, or its reader complained: nothing is sent to that address any more; after a
    complaint marketing is withdrawn too. Mails name the message as `X-Guerdon-Message` and in
    their return path."""
    async with held.database.transaction() as tx:
        await report(tx, message_id, body.what)
    return await _answer(held, message_id)


async def _answer(held: Held, message_id: str) -> MessageAnswer:
    return MessageAnswer.of(await held.database.read(reading.find, message_id))
