"""Work that keeps failing for a reason that waiting will not fix, for operators."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from store.database import Database, ReadSession, now
from store.tables import FailingWork


async def note_failure(
    database: Database, workflow_id: str, activity: str, error: str, until: timedelta
) -> None:
    """Record a failed attempt. `until`: how long the row is shown; longer than the pause before the
    next attempt, so a row that is not renewed is outdated."""
    at = now()
    row = {
        "workflow_id": workflow_id,
        "activity": activity,
        "error": error,
        "failures": 1,
        "since": at,
        "last_at": at,
        "until": at + until,
    }
    statement = insert(FailingWork).values(row)
    again = {"error": error, "failures": FailingWork.failures + 1, "last_at": at}
    async with database.transaction() as tx:
        await tx.session.execute(delete(FailingWork).where(col(FailingWork.until) < at))
        await tx.session.execute(
            statement.on_conflict_do_update(
                index_elements=["workflow_id", "activity"],
                set_=again | {"until": row["until"]},
            )
        )


async def note_success(database: Database, workflow_id: str, activity: str) -> None:
    """The activity succeeded after all."""
    async with database.transaction() as tx:
        await tx.session.execute(
            delete(FailingWork).where(
                col(FailingWork.workflow_id) == workflow_id, col(FailingWork.activity) == activity
            )
        )


async def failing(session: ReadSession) -> list[FailingWork]:
    """Work that fails now, the longest-failing first: rows that were renewed in time."""
    rows = await session.scalars(
        select(FailingWork)
        .where(col(FailingWork.until) >= now())
        .order_by(col(FailingWork.since), col(FailingWork.workflow_id))
    )
    return list(rows)
