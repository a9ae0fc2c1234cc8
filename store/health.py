"""Whether the database is usable, and what waits in it."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import bindparam, func, select
from sqlmodel import col

from store.database import Database, ReadSession, now
from store.migrate import applied, head
from store.orders.double_orders import DOUBLE_ORDER
from store.tables import Event, Intake


async def schema_fits(database: Database) -> bool:
    """Whether the connected database has the revision that this code needs."""
    async with database.engine.connect() as connection:
        return await connection.run_sync(applied) == head()


async def double_orders(session: ReadSession) -> int:
    """The number of incidents with more than one order for one reward."""
    # A literal: a parameter would not match the partial index.
    told = col(Event.type) == bindparam("type", DOUBLE_ORDER, literal_execute=True)
    return await session.scalar(select(func.count()).select_from(Event).where(told)) or 0


class Backlog(NamedTuple):
    """Accepted requests that Temporal does not have yet."""

    waiting: int
    oldest: timedelta


async def backlog(session: ReadSession) -> Backlog:
    """Zero with age zero, unless Temporal is down or a burst is being sent."""
    statement = select(func.count(), func.min(Intake.received_at)).where(
        col(Intake.sent_at).is_(None)
    )
    waiting, oldest = (await session.execute(statement)).one()
    return Backlog(waiting, now() - oldest if oldest else timedelta())
