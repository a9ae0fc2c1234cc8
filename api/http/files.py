"""Files that are sent as multipart forms, under the name `file`."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import File, Request, UploadFile
from starlette.datastructures import FormData

from api.http.body import MAX_CELLS, JsonRequest, media_type_of
from api.http.resources import Resources
from api.http.route import GuardedRoute
from api.http.row_reader import MAX_ROWS
from domain import spreadsheets
from domain.refusals import InvalidPayload, UnsupportedMediaType
from domain.spreadsheets import DELIMITERS, WrongFile, encoding_of, first_rows

FORM = "multipart/form-data"
_PIECE = 65_536

CsvFile = Annotated[
    UploadFile,
    File(
        description="CSV, 10 MB at most, in UTF-8, UTF-16 or Windows-1252; "
        "`,`, `;` or a tab between the values."
    ),
]


class FileRoute(GuardedRoute):
    """A guarded route whose POST takes a file: received completely, on disk if it is long, and
    processed outside the turns of other requests."""

    @asynccontextmanager
    async def admitted(self, resources: Resources, request: JsonRequest) -> AsyncIterator[None]:
        if media_type_of(request) != FORM:
            raise UnsupportedMediaType(f"Send {FORM} with the file under the name file.")
        async with form_of(request), resources.uploads:
            yield


@asynccontextmanager
async def form_of(request: Request) -> AsyncIterator[FormData]:
    """The complete form. Raises InvalidPayload."""
    try:
        form = await request.form(max_files=1, max_fields=10)
    except ValueError:
        raise InvalidPayload("The form cannot be read.", field="") from None
    try:
        yield form
    finally:
        await form.close()


async def rows_of(file: UploadFile) -> tuple[list[str], list[list[str]]]:
    """The header and the rows of a CSV file, without empty lines. Raises InvalidPayload."""
    rows = await asyncio.to_thread(_rows, await file.read())
    return rows[0], rows[1:]


def _rows(file: bytes) -> list[list[str]]:
    if max(file.count(one.encode()) for one in DELIMITERS) > MAX_CELLS:
        raise InvalidPayload(f"More than {MAX_CELLS} values: send parts.", field="/file")
    try:
        # Piece by piece: splitting the whole into lines would block all other threads.
        pieces = (file[at : at + _PIECE] for at in range(0, len(file), _PIECE))
        text = io.StringIO(file.decode(encoding_of(pieces)), newline="")
        rows = first_rows(spreadsheets.rows_of(text), MAX_ROWS + 2)
    except UnicodeDecodeError:
        raise InvalidPayload("The file cannot be read as text.", field="/file") from None
    except WrongFile as wrong:
        raise InvalidPayload(f"The file: {wrong}.", field="/file") from None
    if not rows:
        raise InvalidPayload("The file is empty.", field="/file")
    if len(rows) > MAX_ROWS + 1:
        raise InvalidPayload(f"More than {MAX_ROWS} rows: send parts.", field="/file")
    return rows
