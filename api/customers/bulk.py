"""Many customers at once: accepted immediately, processed by a workflow."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Body, Request
from pydantic import BaseModel, Field

from api.async_actions.accept import accept
from api.async_actions.schemas import Accepted
from api.http.files import CsvFile, FileRoute, rows_of
from api.http.resources import Held
from api.http.route import GuardedRouter, Rows, RowsRoute, listed
from api.http.row_reader import MAX_ROWS
from domain.imports import WrongHeader, reader
from domain.refusals import InvalidPayload
from domain.roles import Role
from store.imports.handlers import CUSTOMERS_BULK, CUSTOMERS_CSV, CUSTOMERS_METADATA

router = GuardedRouter("/v1/customers", "Customers", route_class=RowsRoute)
files = GuardedRouter("/v1/customers", "Customers", route_class=FileRoute)

_PEOPLE = "Source_id,Name,Email\nuser-1,Jane Doe,jane@example.com\n"
SourceId = Annotated[str, Field(min_length=1, max_length=255)]


class MetadataUpdate(BaseModel):
    """The same metadata for many customers; who is not known yet is created."""

    # Reporting each of 100,000 wrong ids would block the event loop.
    source_ids: Annotated[list[SourceId], Field(min_length=1, max_length=MAX_ROWS, fail_fast=True)]
    metadata: dict[str, Any]


@router.post("/bulk/async", roles=[Role.SERVICE], status_code=202)
async def update_customers_in_bulk(
    body: Annotated[
        Rows,
        Body(examples=[[{"source_id": "user-1", "metadata": {"plan": "pro"}}]]),
    ],
    request: Request,
    held: Held,
) -> Accepted:
    """Create or merge many customers. A wrong one holds no other back: the action lists it."""
    return await accept(held, request, CUSTOMERS_BULK, listed(body))


@router.post("/metadata/async", roles=[Role.SERVICE], status_code=202)
async def update_metadata_in_bulk(
    body: Annotated[
        MetadataUpdate,
        Body(examples=[{"source_ids": ["user-1", "user-2"], "metadata": {"plan": "pro"}}]),
    ],
    request: Request,
    held: Held,
) -> Accepted:
    """Merge the same metadata into many customers."""
    return await accept(
        held, request, CUSTOMERS_METADATA, list(body.source_ids), metadata=body.metadata
    )


@files.post("/importCSV", roles=[Role.SERVICE], status_code=202)
async def import_customers(
    file: Annotated[CsvFile, Field(examples=[_PEOPLE])],
    request: Request,
    held: Held,
) -> Accepted:
    """Import a CSV file. Its header names the columns (Source_id, Name, Email, Phone, Birthdate,
    Address_line_1, …; others are metadata); a known `source_id` is overwritten as a whole."""
    header, rows = await rows_of(file)
    try:
        reader(header)
    except WrongHeader as wrong:
        raise InvalidPayload(f"The file: {wrong}.", field="/file") from None
    return await accept(held, request, CUSTOMERS_CSV, rows, header=header)
