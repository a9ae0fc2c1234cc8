"""Streams a report's rows as JSON or CSV. PostgreSQL is read at its own speed: a slow reader's
report waits in a file."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

from pydantic import BaseModel

from api.http.downloads import Download, spooled
from domain.outgoing_csv import csv_text
from store.database import Database, ReadSession
from store.ledger.reports import Row

Rows = Callable[[ReadSession], AsyncIterator[Row]]
_AT_ONCE = asyncio.Semaphore(2)
"""Reports that one process reads from PostgreSQL at once; others wait."""
_BLOCK = 8192
DOCUMENTED: dict[str, Any] = {
    "content": {"text/csv": {"schema": {"type": "string"}}},
    "description": "The whole report, as JSON or `text/csv`.",
}


def answer(database: Database, rows: Rows, row: type[BaseModel], accept: str) -> Download:
    """The report in the form that `accept` asks for; JSON unless it is text/csv."""
    if "text/csv" in accept:
        return Download(spooled(_in_turn(_blocks(_csv(database, rows, row)))), "text/csv")
    return Download(spooled(_in_turn(_blocks(_json(database, rows, row)))), "application/json")


async def _in_turn(blocks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async with _AT_ONCE:
        async for block in blocks:
            yield block


async def _blocks(lines: AsyncIterator[str]) -> AsyncIterator[bytes]:
    """The same text in larger pieces."""
    pending = ""
    async for line in lines:
        pending += line
        if len(pending) >= _BLOCK:
            yield pending.encode()
            pending = ""
    yield pending.encode()


async def _json(database: Database, rows: Rows, row: type[BaseModel]) -> AsyncIterator[str]:
    yield '{"object":"report","data_ref":"data","data":['
    comma = ""
    async with database.reading() as session:
        async for values in rows(session):
            yield comma + row.model_validate(values).model_dump_json()
            comma = ","
    yield "]}"


async def _csv(database: Database, rows: Rows, row: type[BaseModel]) -> AsyncIterator[str]:
    columns = list(row.model_fields)
    yield csv_text(columns, [], header=True)
    async with database.reading() as session:
        async for values in rows(session):
            yield csv_text(columns, [row(**values).model_dump(mode="json")])
