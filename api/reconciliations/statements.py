"""Reconciling with a statement that the provider has sent, and how such statements are read."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import TextIOWrapper
from typing import IO, Annotated, Any

from fastapi import APIRouter, Body, Query, Request
from starlette.datastructures import UploadFile

from api.http.access import Calling, allow
from api.http.problems import body_responses, post_responses, responses
from api.http.resources import Held
from api.http.route import GuardedRoute
from api.reconciliations.endpoints import begin, get_reconciliation
from api.reconciliations.schemas import Provider, ReconciliationAnswer
from domain.dates import Instant
from domain.refusals import InvalidPayload, UnsupportedMediaType
from domain.roles import Role
from domain.statements import Mapping
from store.reconciliation import runs, statements
from store.reconciliation.statements import Upload

_CSV, _FORM = "text/csv", "multipart/form-data"
_MEMORY = 1_000_000


class StatementRoute(GuardedRoute):
    """A guarded route whose POST takes a statement."""

    async def read_body(self, request: Request) -> None:
        """The route itself reads it, piece by piece. Raises UnsupportedMediaType."""
        if request.method == "PUT":
            await super().read_body(request)
        elif _media_type(request) not in (_CSV, _FORM):
            raise UnsupportedMediaType(f"Send {_CSV}, or {_FORM} with the file under `file`.")


router = APIRouter(
    prefix="/v1/reconciliations",
    tags=["Reconciliations"],
    route_class=StatementRoute,
    dependencies=[allow(Role.FINANCE)],
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
            _FORM: {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            },
        },
    }
}


@router.post(
    "/statements",
    status_code=202,
    responses=post_responses("resource_not_found"),
    openapi_extra=_FILE,
)
async def reconcile_with_statement(
    request: Request,
    caller: Calling,
    held: Held,
    provider: Annotated[Provider, Query()],
    since: Annotated[Instant, Query(alias="from")],
    until: Annotated[Instant, Query(alias="to")],
) -> ReconciliationAnswer:
    """Compare a statement (CSV in UTF-8, 200 MB at most) that covers [from, to) with our books.
    Its columns are mapped once per provider, by PUT /v1/reconciliations/mappings/{provider}."""
    if since >= until:
        raise InvalidPayload("`from` must lie before `to`.")
    new = runs.NewRun(provider, since, until, "statement", caller.actor)
    async with _received(request) as file:
        start = await statements.stage_statement(held.database, Upload(new, file))
    await begin(held, start)
    return await get_reconciliation(start.reconciliation_id, held)


@router.get("/mappings/{provider}", responses=responses("resource_not_found", "invalid_payload"))
async def get_mapping(provider: Provider, held: Held) -> Mapping:
    """How this provider's statements are read."""
    async with held.database.reading() as session:
        return await statements.mapping_of(session, provider)


@router.put("/mappings/{provider}", responses=body_responses())
async def set_mapping(
    provider: Provider,
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
async def _received(request: Request) -> AsyncIterator[IO[str]]:
    """The statement as text, on disk when it is large."""
    if _media_type(request) == _FORM:
        async with request.form(max_files=1) as form:
            file = form.get("file")
            if not isinstance(file, UploadFile):
                raise InvalidPayload("The form has no file under `file`.", field="/file")
            yield TextIOWrapper(file.file, "utf-8-sig", newline="")
        return
    with tempfile.SpooledTemporaryFile(max_size=_MEMORY) as spool:
        async for piece in request.stream():
            await asyncio.to_thread(spool.write, piece)
        spool.seek(0)
        yield TextIOWrapper(spool, "utf-8-sig", newline="")


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()
