"""Decides which worker runs a sweep."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import bindparam, func
from sqlalchemy.dialects.postgresql import INTERVAL, insert
from sqlmodel import col

from store.database import Database
from store.tables import SweepTurn

_TURN = insert(SweepTurn).values(name=bindparam("sweep"), begun_at=func.clock_timestamp())
_DUE = _TURN.on_conflict_do_update(
    index_elements=["name"],
    set_={"begun_at": func.clock_timestamp()},
    where=col(SweepTurn.begun_at) < func.clock_timestamp() - bindparam("every", type_=INTERVAL),
).returning(col(SweepTurn.name))


async def take_turn(database: Database, name: str, every: timedelta) -> bool:
    """Whether the sweep is due. If it is, the caller has to run it: others are told that it is not
    due."""
    # A little early: otherwise a loop that sleeps as long finds it not quite due, and sleeps again.
    async with database.engine.begin() as connection:
        taken = await connection.execute(_DUE, {"sweep": name, "every": 0.9 * every})
        return taken.scalar() is not None
