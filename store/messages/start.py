"""Starts the workflows of messages."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import select
from sqlmodel import col
from temporalio.client import Client

from domain.ids import message_workflow_id
from domain.messages import MESSAGE_WORKFLOW, MessageStart
from domain.messaging.sending import OPEN
from store.database import Database
from store.tables import Message
from store.temporal.start import or_later, start

_OVERDUE = timedelta(minutes=1)
_AT_ONCE = 200


class Written(NamedTuple):
    """A message that waits for its workflow."""

    id: str
    due_at: datetime


async def start_messages(
    client: Client, written: Iterable[Written], *, within: timedelta = timedelta(seconds=10)
) -> None:
    """Started twice, one runs. What cannot be started now, `start_overdue` starts."""
    for message in written:
        with or_later("message.not_started", message_id=message.id):
            await start(
                client,
                MESSAGE_WORKFLOW,
                MessageStart(message_id=message.id, due_at=message.due_at),
                id=message_workflow_id(message.id),
                within=within,
                summary=f"Message {message.id}",
            )


async def start_overdue(database: Database, client: Client) -> None:
    """Start the workflows that a crash left out, or that Temporal has lost."""
    async with database.transaction() as tx:
        rows = await tx.session.execute(
            select(col(Message.id), col(Message.due_at))
            .where(col(Message.status).in_(OPEN), col(Message.next_at) < tx.now - _OVERDUE)
            .order_by(col(Message.next_at))
            .limit(_AT_ONCE)
        )
        overdue = [Written(*row) for row in rows]
    await start_messages(client, overdue)
