"""`guerdon import customers FILE.csv`: progress on the screen, an exit status for a script."""

import asyncio
import csv
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from cli.surroundings import find_surroundings, told_in_a_line
from domain.imports import WrongHeader
from store.database import Database
from store.resuming import import_customers
from store.tables import AsyncAction


def run(file: Path) -> int:
    """0: all rows imported. 1: some were wrong, and are listed. 2: the file or a setting."""
    with told_in_a_line():
        return _run(find_surroundings(), file)


def _run(url: str, file: Path) -> int:
    try:
        action = asyncio.run(_import(url, file, file.stat().st_size))
    except UnicodeDecodeError:
        typer.echo(f"guerdon: {file} is not UTF-8. Save it as UTF-8 and import it again.", err=True)
        return 2
    except (WrongHeader, csv.Error) as wrong:
        typer.echo(f"guerdon: {file}: {wrong}.", err=True)
        return 2
    return _report(action)


async def _import(url: str, file: Path, size: int) -> AsyncAction:
    database = Database(url, pool=1)
    try:
        with _progress() as progress:
            task = progress.add_task("customers", rows=0, total=size)

            def tell(done: int, action: AsyncAction) -> None:
                progress.update(task, completed=done, rows=action.done)

            return await import_customers(database, file, tell)
    finally:
        await database.dispose()


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rows]} rows"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )


def _report(action: AsyncAction) -> int:
    for failure in action.failures:
        typer.echo(f"row {failure['row']}: {failure['message']}", err=True)
    if action.failed > len(action.failures):
        typer.echo(f"... and {action.failed - len(action.failures)} more", err=True)
    typer.echo(
        f"{action.done} rows: {action.created} customers created, {action.updated} updated, "
        f"{action.failed} rows wrong"
    )
    return 1 if action.failed else 0
