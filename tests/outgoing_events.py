"""Whether what tests have recorded leaves as the catalogue of event types promises."""

from __future__ import annotations

import asyncpg
from sqlalchemy import select
from sqlmodel import col

from domain.events.catalogue import EVENT_TYPES
from store.database import Database
from store.events.outgoing import leaving
from store.tables import Event

_MOST = 2_000


async def check_types(connection: asyncpg.Connection) -> None:
    """Every recorded event has a type of the catalogue."""
    rows = await connection.fetch("SELECT DISTINCT type FROM events")
    unknown = {row["type"] for row in rows} - set(EVENT_TYPES)
    assert not unknown, f"not in domain/events/catalogue.py: {sorted(unknown)}"


async def check_data(url: str) -> None:
    """The `data` of the newest events fits the models of their types."""
    database = Database(url, pool=1)
    newest = select(Event).order_by(col(Event.seq).desc()).limit(_MOST)
    try:
        async with database.reading() as session:
            events = list(await session.scalars(newest))
            for entry in await leaving(session, events):
                EVENT_TYPES[entry["type"]].data.model_validate(entry["data"])
    finally:
        await database.dispose()
