"""The log of messages."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select
from sqlmodel import col

from domain.ids import Prefix
from domain.refusals import existing
from store.database import ReadSession
from store.lists.births import ids_born
from store.lists.pages import AnySelect, Between, Page, Window, read_page
from store.references import customer_named
from store.tables import Message, MessageDistribution


class MessageRead(NamedTuple):
    """A message, and the name of its distribution."""

    message: Message
    distribution: str


class Filters(NamedTuple):
    """`customer`: an id or source_id."""

    status: str | None = None
    channel: str | None = None
    distribution_id: str | None = None
    customer: str | None = None
    referral_id: str | None = None
    grant_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def _read() -> AnySelect:
    return select(Message, col(MessageDistribution.name)).join(
        MessageDistribution, col(MessageDistribution.id) == Message.distribution_id
    )


async def find(session: ReadSession, message_id: str) -> MessageRead:
    """Raises NotFound."""
    row = await session.execute(_read().where(col(Message.id) == message_id))
    return MessageRead(*existing(row.one_or_none(), "message", message_id))


async def page(
    session: ReadSession, window: Window, filters: Filters
) -> tuple[list[MessageRead], Page]:
    """Messages, newest first."""
    statement = _read()
    for column, wanted in (
        (Message.status, filters.status),
        (Message.channel, filters.channel),
        (Message.distribution_id, filters.distribution_id),
        (Message.referral_id, filters.referral_id),
        (Message.grant_id, filters.grant_id),
    ):
        if wanted is not None:
            statement = statement.where(col(column) == wanted)
    if filters.customer is not None:
        statement = statement.where(col(Message.customer_id) == customer_named(filters.customer))
    if filters.since is not None:
        born = ids_born(col(Message.id), Prefix.MESSAGE, Between(None, filters.since))
        statement = statement.where(col(Message.created_at) >= filters.since, *born)
    if filters.until is not None:
        statement = statement.where(col(Message.created_at) < filters.until)
    found = await read_page(session, statement, col(Message.id), window)
    return [MessageRead(*row) for row in found.rows], found
