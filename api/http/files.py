"""Files that are sent as multipart forms, under the name `file`."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import islice
from typing import Annotated

from fastapi import File, Request, UploadFile
from starlette.datastructures import FormData

from api.http.body import MAX_CELLS, MAX_ROWS, JsonRequest, media_type_of
from api.http.resources import Resources
from api.http.route import GuardedRoute
from domain.refusals import InvalidPayload, UnsupportedMediaType

FORM = "multipart/form-data"

CsvFile = Annotated[UploadFile, File(description="CSV in UTF-8, 10 MB at most.")]


class FileRoute(GuardedRoute):
    """A guarded route whose POST takes a file: received whole, on disk where it is long, and worked
    on beside the turns of other requests."""

    @asynccontextmanager
    async def admitted(self, resources: Resources, request: JsonRequest) -> AsyncIterator[None]:
        if media_type_of(request) != FORM:
            raise UnsupportedMediaType(f"Send {FORM} with the file under the name file.")
        async with form_of(request), resources.uploads:
            yield


@asynccontextmanager
async def form_of(request: Request) -> AsyncIterator[FormData]:
    """The form, received whole. Raises InvalidPayload."""
    try:
        form = await request.form(max_files=1, max_fields=10)
    except ValueError:
        raise InvalidPayload("The form cannot be read.", field="") from None
    try:
        yield form
    finally:
        await form.close()


async def rows_of(file: UploadFile) -> tuple[list[str], list[list[str]]]:
    """The header and the rows of a CSV file; empty lines are none. Raises InvalidPayload."""
    rows = await asyncio.to_thread(_rows, await file.read())
    return rows[0], rows[1:]


def _rows(file: bytes) -> list[list[str]]:
    if file.count(b",") > MAX_CELLS:
        raise InvalidPayload(f"More than {MAX_CELLS} values: send parts.", field="/file")
    try:
        text = io.StringIO(file.decode("utf-8-sig"), newline="")
        found = (row for row in csv.reader(text) if row)
        rows = list(islice(found, MAX_ROWS + 2))
    except UnicodeDecodeError:
        raise InvalidPayload("The file is not UTF-8.", field="/file") from None
    except csv.Error as error:
        raise InvalidPayload(f"The file is not CSV: {error}.", field="/file") from None
    if not rows:
        raise InvalidPayload("The file is empty.", field="/file")
    if len(rows) > MAX_ROWS + 1:
        raise InvalidPayload(f"More than {MAX_ROWS} rows: send parts.", field="/file")
    return rows
