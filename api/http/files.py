"""Files that are sent as multipart forms, under the name `file`."""

from __future__ import annotations

import csv
import io
from typing import Annotated

from fastapi import File, Request, UploadFile

from api.http.route import GuardedRoute
from domain.refusals import InvalidPayload, UnsupportedMediaType

CsvFile = Annotated[UploadFile, File(description="CSV in UTF-8, 10 MB at most.")]


class FileRoute(GuardedRoute):
    """A guarded route whose POST takes a file."""

    async def read_body(self, request: Request) -> None:
        """The route itself reads the form. Raises UnsupportedMediaType for anything else."""
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type != "multipart/form-data":
            raise UnsupportedMediaType(
                "Send multipart/form-data with the file under the name file."
            )


async def rows_of(file: UploadFile) -> tuple[list[str], list[list[str]]]:
    """The header and the rows of a CSV file; empty lines are none. Raises InvalidPayload."""
    try:
        text = (await file.read()).decode("utf-8-sig")
        rows = [row for row in csv.reader(io.StringIO(text, newline="")) if row]
    except UnicodeDecodeError:
        raise InvalidPayload("The file is not UTF-8.", field="/file") from None
    except csv.Error as error:
        raise InvalidPayload(f"The file is not CSV: {error}.", field="/file") from None
    if not rows:
        raise InvalidPayload("The file is empty.", field="/file")
    return rows[0], rows[1:]
