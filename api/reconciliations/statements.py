"""Reconciles with an uploaded statement of the provider, and configures how statements are read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import TextIOWrapper
from typing import IO, Annotated, Any

from fastapi import Body, Path, Query, Request
from starlette.datastructures import UploadFile

from api.http.access import Calling
from api.http.body import JsonRequest, media_type_of
from api.http.files import FORM, form_of
from api.http.resources import Held, Resources
from api.http.route import GuardedRoute, GuardedRouter
from api.reconciliations.endpoints import begin, get_reconciliation
from api.reconciliations.schemas import Provider, ReconciliationAnswer
from domain.dates import Instant
from domain.refusals import InvalidPayload, UnsupportedMediaType
from domain.roles import Role
from domain.spreadsheets import WrongFile, encoding_of
from domain.statements import Mapping
from store.reconciliation import runs, statements
from store.reconciliation.statements import Upload

_CSV = "text/csv"
_BLOCK = 1 << 20


class StatementRoute(GuardedRoute):
    """A guarded route whose POST takes a statement: received completely, on disk if it is long, and
    processed outside the turns of other requests."""

    @asynccontextmanager
    async def admitted(self, resources: Resources, request: JsonRequest) -> AsyncIterator[None]:
        if request.method != "POST":
            async with super().admitted(resources, request):
                yield
            return
        if media_type_of(request) not in (_CSV, FORM):
            raise UnsupportedMediaType(f"Send {_CSV}, or {FORM} with the file under `file`.")
        async with _received(request) as file, resources.uploads:
            request.state.statement = await asyncio.to_thread(text_of, file)
            yield


router = GuardedRouter(
    "/v1/reconciliations", "Reconciliations", roles=[Role.FINANCE], route_class=StatementRoute
)
_MAPPING = {
    "columns": {
        "provider_order_id": "Order",
        "key": "Client id",
        "amount": "Value",
        "charged": "Cost",
        "state": "Status",
        "created_at": "Date",
    },
    "states": {"Sent": "issued"},
    "currency": "USD",
    "unit": "major",
    "time_zone": "America/Los_Angeles",
}
_STATEMENT = """Order,Client id,Value,Cost,Status,Date
8811,gd3fb43ab178797c22eea30cd47f85a673g1,15.00,15.60,Sent,2026-10-15 09:30
"""
_FILE: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            _CSV: {"schema": {"type": "string"}, "example": _STATEMENT},
            FORM: {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                },
                "example": {"file": _STATEMENT},
            },
        },
    }
}


@router.post("/statements", "resource_not_found", status_code=202, openapi_extra=_FILE)
async def reconcile_with_statement(
    request: Request,
    caller: Calling,
    held: Held,
    provider: Annotated[
        Provider, Query(description="A provider's name, such as `giftcard-partners`.")
    ],
    since: Annotated[Instant, Query(alias="from", description="The first instant that counts.")],
    until: Annotated[
        Instant, Query(alias="to", description="The first instant that does not count any more.")
    ],
) -> ReconciliationAnswer:
    """Compare a statement (CSV, 200 MB at most) that covers [from, to) with our books.
    Its columns are mapped once per provider, by PUT /v1/reconciliations/mappings/{provider}."""
    if since >= until:
        raise InvalidPayload("`from` must lie before `to`.")
    new = runs.NewRun(provider, since, until, "statement", caller.actor)
    upload = Upload(new, request.state.statement)
    start = await statements.stage_statement(held.database, upload)
    await begin(held, start)
    return await get_reconciliation(start.reconciliation_id, held)


@router.get("/mappings/{provider}", "resource_not_found", "invalid_payload")
async def get_mapping(
    provider: Annotated[
        Provider, Path(description="A provider's name, such as `giftcard-partners`.")
    ],
    held: Held,
) -> Mapping:
    """How this provider's statements are read."""
    return await held.database.read(statements.mapping_of, provider)


@router.put("/mappings/{provider}")
async def set_mapping(
    provider: Annotated[
        Provider, Path(description="A provider's name, such as `giftcard-partners`.")
    ],
    body: Annotated[Mapping, Body(examples=[_MAPPING])],
    caller: Calling,
    held: Held,
) -> Mapping:
    """Say once which column of this provider's statements holds what, in which unit, and in which
    time zone its times are."""
    async with held.database.transaction() as tx:
        await statements.set_mapping(tx, provider, body, actor=caller.actor)
    return body


@asynccontextmanager
async def _received(request: JsonRequest) -> AsyncIterator[IO[bytes]]:
    if media_type_of(request) != FORM:
        async with request.spooled() as spool:
            yield spool
        return
    async with form_of(request) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise InvalidPayload("The form has no file under `file`.", field="/file")
        yield file.file


def text_of(file: IO[bytes]) -> IO[str]:
    """The file from its beginning, in its own encoding. Raises InvalidPayload."""
    try:
        encoding = encoding_of(iter(lambda: file.read(_BLOCK), b""))
    except WrongFile as wrong:
        raise InvalidPayload(f"The statement: {wrong}.", field="/file") from None
    file.seek(0)
    return TextIOWrapper(file, encoding, newline="")
