"""`guerdon reconcile`: compares a provider's book with ours, for people and schedulers.

Exit status: 0, no difference; 1, differences (listed with --csv); 2, it could not be done."""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from cli.surroundings import find_surroundings
from domain.outgoing_csv import csv_text
from domain.reconciliation import DIFFERENCES, Filed, ReconciliationStart
from domain.refusals import Refusal
from domain.spreadsheets import encoding_of
from providers.registry import KNOWN
from store.database import Database
from store.reconciliation import items, runs, statements
from store.reconciliation.repairs import explanation_of
from store.reconciliation.start import start_run
from store.reconciliation.statements import Upload
from store.settings import explain
from store.tables import Reconciliation, ReconciliationItem
from store.temporal.client import AWAY, connect

NONE, DIFFERENT, NOT_DONE = 0, 1, 2
_EVERY = 0.3
_ACTOR = "command line"


class Request(NamedTuple):
    """The command's options."""

    provider: str
    since: datetime
    until: datetime
    csv: Path | None
    statement: Path | None


def moment(text: str) -> datetime:
    """A day (its first moment, UTC) or an RFC 3339 time. Raises ValueError."""
    if len(text) == len("2026-01-31"):
        return datetime.combine(date.fromisoformat(text), time(), UTC)
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


async def reconcile(request: Request) -> int:
    """Run the reconciliation to its end; return the exit status."""
    out, words = Console(), Console(stderr=True)
    if request.provider not in KNOWN:
        words.print(f"guerdon: --provider must be one of {', '.join(sorted(KNOWN))}")
        return NOT_DONE
    try:
        database_url = find_surroundings()
        return await _run(request, database_url, out)
    except (Refusal, OSError, RuntimeError, ValueError) as error:
        detail = error.detail if isinstance(error, Refusal) else _reason(error)
        words.print(f"guerdon: {detail}", markup=False)
        return NOT_DONE


def _reason(error: Exception) -> str:
    return explain(error) if isinstance(error, ValueError) else str(error) or type(error).__name__


async def _run(request: Request, database_url: str, out: Console) -> int:
    async with AsyncExitStack() as opened:
        database = Database(database_url, pool=2)
        opened.push_async_callback(database.dispose)
        client = await connect()
        start = await _written_down(database, request)
        try:
            await start_run(client, start)
        except AWAY as error:
            await runs.give_up(database, start.reconciliation_id, "It could not be started.")
            raise RuntimeError("Temporal did not start the reconciliation; try again") from error
        run = await _watched(database, start.reconciliation_id)
        if run.status == "failed":
            raise RuntimeError(f"the reconciliation failed: {run.detail}")
        out.print(_table(run))
        if request.csv:
            await _write(database, run, request.csv)
        return DIFFERENT if any(run.totals[word] for word in DIFFERENCES) else NONE


async def _written_down(database: Database, request: Request) -> ReconciliationStart:
    source = "statement" if request.statement else "provider"
    new = runs.NewRun(request.provider, request.since, request.until, source, _ACTOR)
    if request.statement:
        with request.statement.open("rb") as binary:
            encoding = encoding_of(iter(lambda: binary.read(1 << 20), b""))
        with request.statement.open(encoding=encoding, newline="") as file:
            return await statements.stage_statement(database, Upload(new, file))
    async with database.transaction() as tx:
        return runs.start_of(runs.create(tx, new))


async def _watched(database: Database, reconciliation_id: str) -> Reconciliation:
    """The run once it is over; shows its progress until then."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("waiting for a worker")
        while True:
            run = await database.read(runs.find, reconciliation_id)
            if run.status != "running":
                return run
            progress.update(task, description=_say(run))
            await asyncio.sleep(_EVERY)


def _say(run: Reconciliation) -> str:
    stage, lines = run.progress.get("stage", "waiting"), run.progress.get("lines", 0)
    if stage == "waiting":
        return "waiting for a worker"
    if "slices" in run.progress:
        return f"{stage}: {lines} lines, part {run.progress['slice']} of {run.progress['slices']}"
    return f"{stage}: {lines} lines"


def _table(run: Reconciliation) -> Table:
    period = f"{run.since:%Y-%m-%d %H:%M} to {run.until:%Y-%m-%d %H:%M} UTC"
    table = Table("filed as", "orders", title=f"{run.provider}, {period}\n{run.id}")
    table.columns[1].justify = "right"
    for word in Filed:
        count = run.totals[word]
        style = "bold red" if count and word in DIFFERENCES else None
        table.add_row(word.replace("_", " "), str(count), style=style)
    return table


async def _write(database: Database, run: Reconciliation, path: Path) -> None:
    """Write every item, a few at a time."""
    names = ["filed", "key", "provider_order_id", "order_id", "grant_id", "ours", "ledger"]
    with path.open("w", newline="", encoding="utf-8") as file:
        columns = ["id", *names, "theirs", "cause", "repair"]
        file.write(csv_text(columns, [], header=True))
        last: ReconciliationItem | None = None
        async with database.reading() as session:
            while some := await items.chunk(session, last, run.id):
                for item in some:
                    told = explanation_of(item)
                    row = {name: getattr(item, name) for name in ["id", *names, "theirs"]}
                    row |= {"cause": told.cause, "repair": told.repair}
                    file.write(csv_text(columns, [row]))
                last = some[-1]


def run(provider: str, since: str, until: str, csv: Path | None, statement: Path | None) -> int:
    """Run the command; return its exit status."""
    try:
        request = Request(provider, moment(since), moment(until), csv, statement)
        if request.since >= request.until:
            raise ValueError("--from must lie before --to")
    except ValueError as error:
        sys.stderr.write(f"guerdon: {error}\n")
        return NOT_DONE
    from cli.surroundings import run_and_leave

    return run_and_leave(reconcile(request))
