"""Creates, continues, ends and lists reconciliation runs."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import func, select, update
from sqlmodel import col
from ulid import ULID

from domain.ids import Prefix, new_id
from domain.reconciliation import DIFFERENCES, ReconciliationStart
from domain.refusals import existing
from store.database import Database, ReadSession, Transaction, now
from store.lists.pages import Page, Window, read_page
from store.reconciliation import staging
from store.reconciliation.compare import MARGIN, REACH, Scope
from store.tables import Order, Reconciliation


class Reading(NamedTuple):
    """How far a provider's book is read: [since, until) in `slices`, of which those before `slice`
    are staged."""

    since: datetime
    until: datetime
    slices: list[tuple[datetime, datetime]]
    slice: int


class NewRun(NamedTuple):
    """A run to create. `source`: provider, or statement; `actor`: a credential's id, None for the
    schedule."""

    provider: str
    since: datetime
    until: datetime
    source: str = "provider"
    actor: str | None = None


def create(tx: Transaction, new: NewRun, *, id: str | None = None) -> Reconciliation:
    """Create a run."""
    run = Reconciliation(
        id=id or new_id(Prefix.RECONCILIATION),
        **new._asdict(),
        progress={"stage": "waiting", "lines": 0},
        created_at=tx.now,
    )
    tx.session.add(run)
    tx.record(
        "reconciliation.started",
        "Reconciliation started",
        detail=f"{new.provider}, {new.since:%Y-%m-%d %H:%M} to {new.until:%Y-%m-%d %H:%M} UTC,"
        f" from the {new.source}",
        source="staff" if new.actor else "workflow",
        actor=new.actor,
        data={"reconciliation_id": run.id},
    )
    return run


async def begin_daily(tx: Transaction, provider: str, run_id: str) -> ReconciliationStart:
    """Create yesterday's run, UTC, for the workflow run `run_id`: once."""
    id = f"{Prefix.RECONCILIATION}_{str(ULID.from_uuid(UUID(run_id))).lower()}"
    run = await tx.session.get(Reconciliation, id)
    if run is None:
        today = tx.now.replace(hour=0, minute=0, second=0, microsecond=0)
        run = create(tx, NewRun(provider, today - timedelta(days=1), today), id=id)
    return start_of(run)


def start_of(run: Reconciliation) -> ReconciliationStart:
    """The input of the run's workflow."""
    return ReconciliationStart(
        reconciliation_id=run.id,
        provider=run.provider,
        since=run.since,
        until=run.until,
        uploaded=run.source == "statement",
    )


async def open_reading(database: Database, reconciliation_id: str, *, daily: bool) -> Reading:
    """Begin to read the provider's book, or continue where a killed run stopped. `daily`: the
    provider can be read day by day."""
    async with database.transaction() as tx:
        run = await tx.session.get_one(Reconciliation, reconciliation_id, with_for_update=True)
        if run.read_from is None:
            run.read_from = tx.now
            run.progress = {"stage": "reading", "lines": 0, "slice": 0}
        since, until = await _window(tx, run), min(run.until + MARGIN, run.read_from)
        slices = _days(since, until) if daily else [(since, until)]
        return Reading(since, until, slices, int(run.progress.get("slice", 0)))


async def _window(tx: Transaction, run: Reconciliation) -> datetime:
    """From the first order that was still open when the period began."""
    oldest = await tx.session.scalar(
        select(func.min(Order.first_sent_at)).where(
            col(Order.provider) == run.provider,
            col(Order.first_sent_at) >= run.since - REACH,
            col(Order.first_sent_at) < run.since,
            func.coalesce(col(Order.issued_at), col(Order.first_sent_at)) >= run.since,
        )
    )
    return min(run.since, oldest or run.since) - MARGIN


def _days(since: datetime, until: datetime) -> list[tuple[datetime, datetime]]:
    cuts = [since]
    while cuts[-1] + timedelta(days=1) < until:
        cuts.append(cuts[-1] + timedelta(days=1))
    return list(zip(cuts, [*cuts[1:], until], strict=True)) if since < until else []


async def note_progress(connection: Any, reconciliation_id: str, **members: Any) -> None:
    """Merge into the run's progress, in the transaction of an asyncpg connection."""
    await connection.execute(
        "UPDATE reconciliations SET progress = progress || $2::text::jsonb WHERE id = $1",
        reconciliation_id,
        json.dumps(members),
    )


async def result_of(database: Database, reconciliation_id: str) -> dict[str, int] | None:
    """The totals of a completed run, none of a failed one; None while it is running."""
    async with database.reading() as session:
        run = await find(session, reconciliation_id)
        return None if run.status == "running" else run.totals


async def scope_of(database: Database, reconciliation_id: str) -> Scope:
    """The scope of a run whose lines are staged."""
    async with database.transaction() as tx:
        run = await tx.session.get_one(Reconciliation, reconciliation_id, with_for_update=True)
        run.read_from = run.read_from or tx.now
        run.progress = run.progress | {"stage": "comparing"}
        uploaded = run.source == "statement"
        return Scope(
            run.id,
            run.provider,
            run.since,
            run.until,
            min(run.until if uploaded else run.until + MARGIN, run.read_from),
            run.read_from,
        )


async def complete(tx: Transaction, reconciliation_id: str, totals: dict[str, int]) -> None:
    """Store the run's result."""
    run = await tx.session.get_one(Reconciliation, reconciliation_id)
    if run.status == "completed":
        return
    run.status, run.totals, run.finished_at = "completed", totals, tx.now
    run.progress = run.progress | {"stage": "done"}
    differences = sum(totals.get(word, 0) for word in DIFFERENCES)
    tx.record(
        "reconciliation.completed",
        "Reconciliation completed",
        detail=f"{run.provider}: {differences} differences, {totals['matched']} matched",
        data={"reconciliation_id": run.id, "totals": totals},
    )


async def fail(tx: Transaction, reconciliation_id: str, detail: str) -> None:
    """Mark the run as failed; `detail` says why."""
    await tx.session.execute(
        update(Reconciliation)
        .where(col(Reconciliation.id) == reconciliation_id)
        .values(status="failed", detail=detail, finished_at=now())
    )
    tx.record(
        "reconciliation.failed",
        "Reconciliation failed",
        detail=detail,
        data={"reconciliation_id": reconciliation_id},
    )


async def find(session: ReadSession, reconciliation_id: str) -> Reconciliation:
    """Raises NotFound."""
    return existing(
        await session.get(Reconciliation, reconciliation_id), "reconciliation", reconciliation_id
    )


async def page(
    session: ReadSession, window: Window, *, provider: str | None, status: str | None
) -> tuple[list[Reconciliation], Page]:
    """Runs, newest first."""
    statement = select(Reconciliation)
    if provider is not None:
        statement = statement.where(col(Reconciliation.provider) == provider)
    if status is not None:
        statement = statement.where(col(Reconciliation.status) == status)
    found = await read_page(session, statement, col(Reconciliation.id), window)
    return [row[0] for row in found.rows], found


async def give_up(database: Database, reconciliation_id: str, detail: str) -> None:
    """Mark the run as failed; `detail` says why. Its staged lines are dropped."""
    async with database.transaction() as tx:
        await fail(tx, reconciliation_id, detail)
    await staging.drop(database, reconciliation_id)
