"""A report's rows on their way out, as JSON or CSV, one at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from domain.outgoing_csv import csv_text
from store.database import Database, ReadSession
from store.ledger.reports import Row

Rows = Callable[[ReadSession], AsyncIterator[Row]]
DOCUMENTED: dict[str, Any] = {
    "content": {"text/csv": {"schema": {"type": "string"}}},
    "description": "The whole report, as JSON or `text/csv`.",
}


def answer(database: Database, rows: Rows, row: type[BaseModel], accept: str) -> StreamingResponse:
    """The report in the form that `accept` asks for; JSON unless it is text/csv."""
    if "text/csv" in accept:
        return StreamingResponse(_csv(database, rows, row), media_type="text/csv")
    return StreamingResponse(_json(database, rows, row), media_type="application/json")


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
