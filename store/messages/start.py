"""Starts the workflows of messages, and the one that reads events for distributions."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import or_, select, update
from sqlmodel import col
from temporalio.client import Client

from domain.ids import message_workflow_id
from domain.messages import (
    DISTRIBUTOR,
    DISTRIBUTOR_WORKFLOW,
    MESSAGE_WORKFLOW,
    WAKE,
    MessageStart,
)
from domain.messaging.sending import OPEN
from store.database import Database
from store.messages import position
from store.messages.planning import Written
from store.tables import Message
from store.temporal.start import or_later, start

_SHORT = timedelta(seconds=2)
_OVERDUE = timedelta(minutes=15)
_AT_ONCE = 200


async def start_messages(database: Database, client: Client, written: Iterable[Written]) -> None:
    """Start each message's workflow, then mark them. Started twice, one runs; what is not started
    now, `start_unattended` starts.
    """
    started = []
    for message in written:
        with or_later("message.not_started", message_id=message.id):
            await _start(client, message.id, message.due_at, within=timedelta(seconds=10))
            started.append(message.id)
    if started:
        async with database.transaction() as tx:
            await tx.session.execute(
                update(Message).where(col(Message.id).in_(started)).values(started_at=tx.now)
            )


async def try_to_start(client: Client, message_id: str, due_at: datetime) -> None:
    """Behind an answer that does not depend on it."""
    with or_later("message.not_started", message_id=message_id):
        await _start(client, message_id, due_at, within=_SHORT)


async def start_unattended(database: Database, client: Client) -> int:
    """Start the workflows that a crash left out, or that Temporal has lost; return how many. A
    workflow that runs is not started twice.
    """
    async with database.transaction() as tx:
        never = col(Message.started_at).is_(None) & (
            col(Message.created_at) < tx.now - timedelta(seconds=30)
        )
        overdue = col(Message.next_at) < tx.now - _OVERDUE
        rows = await tx.session.execute(
            select(col(Message.id), col(Message.next_at))
            .where(col(Message.status).in_(OPEN), or_(never, overdue))
            .order_by(col(Message.due_at))
            .limit(_AT_ONCE)
        )
        left = [Written(*row) for row in rows]
    await start_messages(database, client, left)
    return len(left)


async def wake_distributor(client: Client, *, within: timedelta = timedelta(seconds=10)) -> None:
    """Start reading events, or read on at once."""
    await start(
        client,
        DISTRIBUTOR_WORKFLOW,
        DISTRIBUTOR,
        id=DISTRIBUTOR,
        within=within,
        summary="Reads events for distributions",
        start_signal=WAKE,
    )


async def try_to_wake_distributor(client: Client) -> None:
    """Behind an answer that does not depend on it."""
    with or_later("distributor.not_woken"):
        await wake_distributor(client, within=_SHORT)


async def attend(database: Database, client: Client) -> None:
    """Called by the redrive: start what nobody runs."""
    if await position.is_unattended(database):
        await wake_distributor(client)
    await start_unattended(database, client)


async def _start(client: Client, message_id: str, due_at: datetime, *, within: timedelta) -> None:
    await start(
        client,
        MESSAGE_WORKFLOW,
        MessageStart(message_id=message_id, due_at=due_at),
        id=message_workflow_id(message_id),
        within=within,
        summary=f"Message {message_id}",
    )
