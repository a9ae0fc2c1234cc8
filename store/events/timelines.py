"""Timelines of referrals and grants, read from the event rows."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import func, select
from sqlmodel import col

from domain.refusals import NotFound
from store.database import ReadSession
from store.tables import Actor, ApiKey, Customer, Event, EventWords, Grant, Referral


class TimelineEntry(NamedTuple):
    """An event, with the names of its person and of the person or credential behind it."""

    event: Event
    detail: str | None
    customer_name: str | None
    actor_name: str | None


async def of_referral(session: ReadSession, referral_id: str) -> list[TimelineEntry]:
    """All events of the referral and its grants, oldest first. Raises NotFound."""
    if await session.get(Referral, referral_id) is None:
        raise NotFound("referral", referral_id)
    return await _entries(session, Event.referral_id, referral_id)


async def of_grant(session: ReadSession, grant_id: str) -> list[TimelineEntry]:
    """All events of one grant, oldest first. Raises NotFound."""
    if await session.get(Grant, grant_id) is None:
        raise NotFound("grant", grant_id)
    return await _entries(session, Event.grant_id, grant_id)


async def _entries(session: ReadSession, column: str | None, id: str) -> list[TimelineEntry]:
    key_name = func.nullif(ApiKey.name, "")
    statement = (
        select(
            Event,
            func.coalesce(EventWords.words, Event.detail),
            col(Customer.name),
            func.coalesce(Actor.name, key_name),
        )
        .outerjoin(Customer, col(Customer.id) == Event.customer_id)
        .outerjoin(EventWords, col(EventWords.id) == Event.words_id)
        .outerjoin(Actor, col(Actor.id) == Event.actor)
        .outerjoin(ApiKey, col(ApiKey.app_id) == Event.actor)
        .where(col(column) == id)
        .order_by(col(Event.seq))
    )
    return [TimelineEntry(*row) for row in await session.execute(statement)]
