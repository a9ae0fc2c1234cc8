"""`guerdon import …`: progress on the screen, and an exit status for scripts."""

from __future__ import annotations

import asyncio
import csv
from collections.abc import Awaitable, Callable
from pathlib import Path

import typer

from cli.surroundings import bar, find_surroundings, one_line_errors
from domain.imports import WrongHeader
from domain.refusals import NotFound
from domain.spreadsheets import WrongFile
from store.database import Database
from store.imports.files import Tell, import_codes, import_customers
from store.tables import AsyncAction

_Import = Callable[[Database, Tell], Awaitable[AsyncAction]]


def customers(file: Path) -> int:
    """0: all rows imported. 1: some rows were wrong, and are listed. 2: the file or a setting is
    wrong."""
    return _run("customers", file, lambda database, tell: import_customers(database, file, tell))


def codes(campaign: str, file: Path) -> int:
    """Like `customers`; 2 also for an unknown campaign."""
    return _run("codes", file, lambda database, tell: import_codes(database, campaign, file, tell))


def _run(what: str, file: Path, work: _Import) -> int:
    with one_line_errors():
        url = find_surroundings()
        try:
            return _report(what, asyncio.run(_import(url, what, file.stat().st_size, work)))
        except UnicodeDecodeError:
            words = f"{file} cannot be read as text. Save it as CSV UTF-8 and import it again."
        except (WrongFile, WrongHeader, csv.Error) as wrong:
            words = f"{file}: {wrong}."
        except NotFound as refusal:
            words = refusal.detail
    typer.echo(f"guerdon: {words}", err=True)
    return 2


async def _import(url: str, what: str, size: int, work: _Import) -> AsyncAction:
    database = Database(url, pool=1)
    try:
        with bar() as progress:
            task = progress.add_task(what, rows=0, total=size)

            def tell(done: int, action: AsyncAction) -> None:
                progress.update(task, completed=done, rows=action.done)

            return await work(database, tell)
    finally:
        await database.dispose()


def _report(what: str, action: AsyncAction) -> int:
    for failure in action.failures:
        typer.echo(f"row {failure['row']}: {failure['message']}", err=True)
    if action.failed > len(action.failures):
        typer.echo(f"... and {action.failed - len(action.failures)} more", err=True)
    typer.echo(
        f"{action.done} rows: {action.created} {what} created, {action.updated} updated, "
        f"{action.failed} rows wrong"
    )
    return 1 if action.failed else 0
