"""`guerdon export OBJECT`: a CSV file of any length, in constant memory, with progress on the
screen.

The same as the API's export, but written here instead of fetched: same fields, same filters, same
entry in the event table. A file is complete or absent: it gets its name after the last row."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import typer

from cli.surroundings import bar, find_surroundings, one_line_errors
from domain.refusals import InvalidPayload
from store.database import Database
from store.exports import exports
from store.exports.counting import Rows
from store.exports.query import Asked


class Request(NamedTuple):
    """The command's options. Without `output` the file goes to standard output."""

    kind: str
    asked: Asked
    output: Path | None


def filters_of(given: Sequence[str]) -> dict[str, Any]:
    """Voucherify's filters from `FIELD=VALUE` (repeated for one field: any of them) and
    `FIELD:CONDITION=VALUE`. Raises ValueError."""
    filters: dict[str, Any] = {}
    for each in given:
        name, equals, value = each.partition("=")
        field, _, word = name.partition(":")
        if not (equals and field):
            raise ValueError(f"--filter {each}: write FIELD=VALUE or FIELD:CONDITION=VALUE")
        conditions = filters.setdefault(field, {"conditions": {}})["conditions"]
        conditions.setdefault(f"${word or 'is'}", []).append(value)
    return filters


def run(request: Request) -> int:
    """0: exported. 2: a field, a filter, the file or a setting is wrong."""
    with one_line_errors():
        url = find_surroundings()
        try:
            rows = asyncio.run(_export(url, request))
        except InvalidPayload as refusal:
            words = refusal.detail
        except _Unwritable as error:
            words = str(error)
        else:
            typer.echo(f"{rows} rows exported", err=True)
            return 0
    typer.echo(f"guerdon: {words}", err=True)
    return 2


class _Unwritable(Exception):
    """The file cannot be written; the message says why."""


async def _export(url: str, request: Request) -> int:
    """Return how many rows the file has."""
    database = Database(url, pool=1)
    try:
        async with database.transaction() as tx:
            export = exports.create(tx, request.kind, request.asked)
        total = await database.read(exports.count, export)
        with bar() as progress, _opened(request.output) as write:
            task = progress.add_task(f"{request.kind}s", rows=0, total=total)
            async with aclosing(exports.read(database, export)) as blocks:
                return await _written(
                    blocks, write, lambda rows: progress.update(task, completed=rows, rows=rows)
                )
    finally:
        await database.dispose()


async def _written(
    blocks: AsyncIterator[bytes], write: Callable[[bytes], object], tell: Callable[[int], None]
) -> int:
    rows = Rows()
    async for block in blocks:
        rows.take(block)
        write(block)
        tell(rows.seen)
    return rows.seen


@contextmanager
def _opened(output: Path | None) -> Iterator[Callable[[bytes], None]]:
    """Open the output for the blocks."""
    if output is None:
        yield _guarded(sys.stdout.buffer, "standard output")
        return
    part = output.with_name(f"{output.name}.part")
    try:
        file = part.open("wb")
    except OSError as error:
        raise _Unwritable(f"{output}: {error.strerror}") from None
    try:
        with file:
            yield _guarded(file, str(output))
        os.replace(part, output)
    finally:
        part.unlink(missing_ok=True)


def _guarded(file: BinaryIO, name: str) -> Callable[[bytes], None]:
    """Turn errors of writing into _Unwritable, to distinguish them from PostgreSQL's."""

    def write(block: bytes) -> None:
        try:
            file.write(block)
            file.flush()
        except OSError as error:
            if file is sys.stdout.buffer:
                # Otherwise Python would flush once more at exit, and print the error again.
                os.dup2(os.open(os.devnull, os.O_WRONLY), file.fileno())
            raise _Unwritable(f"{name}: {error.strerror}") from None

    return write
