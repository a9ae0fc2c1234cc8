"""A report's rows on their way out, as JSON or CSV, one at a time."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Callable
from typing import Any

from fastapi.responses import StreamingResponse
from pydantic import BaseModel

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
    yield _line(list(row.model_fields))
    async with database.reading() as session:
        async for values in rows(session):
            yield _line([_plain(value) for value in row(**values).model_dump(mode="json").values()])


def _line(values: list[Any]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(values)
    return text.getvalue()


def _plain(value: Any) -> Any:
    """A campaign's name is its author's own text: it must not become a spreadsheet's formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in tuple("=+-@\t\r") else value
