"""Asynchronous actions: created in one transaction, processed part by part in others.

A part's rows are written, counted and deleted in one transaction. After a kill whole parts are done
and whole parts are left: no row is lost, none is done twice."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlmodel import col

from domain.ids import Prefix, new_id
from store.database import Database, Transaction, now
from store.tables import ActionPart, AsyncAction

PART = 5000
"""Rows per transaction: few enough for constant memory and short locks, many enough to be fast."""
REMEMBERED = 1000
"""Wrong rows that are listed one by one; the rest is counted."""


class Failure(NamedTuple):
    """A wrong row: its number (the first is 1), and why, without its contents."""

    row: int
    message: str


class Dealt(NamedTuple):
    """The result of some rows."""

    rows: int
    created: int
    updated: int
    failures: list[Failure]


async def enqueue(
    tx: Transaction, type: str, rows: list[Any], *, request_id: str, **parameters: Any
) -> AsyncAction:
    """Create an action for these rows."""
    action = AsyncAction(
        id=new_id(Prefix.ASYNC_ACTION),
        type=type,
        request_id=request_id,
        parameters=parameters,
        total=len(rows),
        created_at=tx.now,
        finished_at=None if rows else tx.now,
    )
    parts = range(0, len(rows), PART)
    tx.session.add(action)
    await tx.session.flush()
    for number, start in enumerate(parts):
        tx.session.add(
            ActionPart(action_id=action.id, number=number, rows=rows[start : start + PART])
        )
        # Part by part: all rows at once would block the event loop for a second of JSON.
        await tx.session.flush()
    tx.record(
        "action.accepted", f"Accepted: {type}", data={"action_id": action.id, "rows": len(rows)}
    )
    return action


async def next_part(tx: Transaction, action_id: str) -> tuple[AsyncAction, ActionPart] | None:
    """The locked action, and the first of its parts that is left."""
    action = await lock(tx, action_id)
    statement = select(ActionPart).where(col(ActionPart.action_id) == action_id)
    part = await tx.session.scalar(statement.order_by(col(ActionPart.number)).limit(1))
    return None if part is None else (action, part)


async def lock(tx: Transaction, action_id: str) -> AsyncAction:
    """Lock the action, so that nobody else processes it until this transaction ends."""
    statement = select(AsyncAction).where(col(AsyncAction.id) == action_id).with_for_update()
    return (await tx.session.scalars(statement)).one()


def advance(tx: Transaction, action: AsyncAction, dealt: Dealt) -> None:
    """Count what was done, in the transaction that did it."""
    action.done += dealt.rows
    action.created += dealt.created
    action.updated += dealt.updated
    action.failed += len(dealt.failures)
    room = max(0, REMEMBERED - len(action.failures))
    if dealt.failures[:room]:
        listed = [failure._asdict() for failure in dealt.failures[:room]]
        action.failures = [*action.failures, *listed]
    action.updated_at = tx.now
    if action.done == action.total:
        finish(tx, action)


def finish(tx: Transaction, action: AsyncAction) -> None:
    """All rows are processed."""
    action.finished_at = tx.now
    counts = {"rows": action.done, "created": action.created, "updated": action.updated}
    tx.record(
        "action.done",
        f"Done: {action.type}",
        detail=f"{action.done} rows, {action.failed} of them wrong",
        data={"action_id": action.id, "failed": action.failed, **counts},
    )


async def unfinished(database: Database, older_than: timedelta) -> list[str]:
    """Actions that may have no workflow yet: the redrive starts it."""
    async with database.reading() as session:
        rows = await session.scalars(
            select(col(AsyncAction.id))
            .where(
                col(AsyncAction.finished_at).is_(None),
                col(AsyncAction.digest).is_(None),  # the command line processes its own file
                col(AsyncAction.created_at) < now() - older_than,
            )
            .order_by(col(AsyncAction.created_at))
            .limit(100)
        )
        return list(rows)
