"""Exports: CSV files of any length, written while they are fetched."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Body, Header, Query
from fastapi.responses import Response

from api.exports.schemas import ExportAnswer, ExportIn, ExportList
from api.http.access import Caller, Calling
from api.http.downloads import Download, spooled
from api.http.lists import Ordered
from api.http.parameters import ExportPath
from api.http.resources import Held
from api.http.route import GuardedRouter
from domain.refusals import Forbidden, NotFound
from domain.roles import Role
from store.exports import exports
from store.exports.query import Asked
from store.tables import Export

router = GuardedRouter("/v1/exports", "Exports")

EXAMPLE = {
    "exported_object": "redemption",
    "parameters": {
        "order": "-created_at",
        "fields": ["id", "date", "voucher_code", "customer_source_id", "order_amount", "result"],
        "filters": {"result": {"conditions": {"$is": ["SUCCESS"]}}},
    },
}
_SCHEDULED = {
    "id": "exp_01jd3v5q8g6w2x4y7z9a1b3c5d",
    "object": "export",
    "created_at": "2026-11-20T09:30:00Z",
    "status": "SCHEDULED",
    "channel": "API",
    "exported_object": "redemption",
    "parameters": {"fields": ["id", "result"]},
}
_FILE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The export; with `token`, its file.",
        "content": {"text/csv": {"schema": {"type": "string"}, "example": "id,result\r\n"}},
    }
}


@router.post(
    "",
    roles=[Role.SERVICE, Role.FINANCE],
    responses={200: {"content": {"application/json": {"example": _SCHEDULED}}}},
)
async def create_export(
    body: Annotated[ExportIn, Body(examples=[EXAMPLE])], held: Held, caller: Calling
) -> ExportAnswer:
    """Ask for a CSV file of what there is now."""
    asked = body.parameters or Asked()
    async with held.database.transaction() as tx:
        export = exports.create(tx, body.exported_object, asked)
        _may_see(caller, export)
    return ExportAnswer.scheduled(export)


@router.get("", roles=[Role.SERVICE, Role.FINANCE])
async def list_exports(held: Held, window: Ordered) -> ExportList:
    """Exports, newest first."""
    page = await held.database.read(exports.page, window)
    url = str(held.settings.public_url)
    return ExportList(
        exports=[ExportAnswer.of(row[0], url) for row in page.rows],
        total=page.total,
        has_more=page.has_more,
    )


@router.get(
    "/{export_id}",
    "invalid_payload",
    "resource_not_found",
    roles=[Role.SERVICE, Role.FINANCE],
    response_model=ExportAnswer,
    responses=_FILE,
)
async def get_export(
    export_id: ExportPath,
    held: Held,
    caller: Calling,
    token: Annotated[
        str | None, Query(max_length=64, description="From `result.url`: answer the file.")
    ] = None,
    accept: Annotated[str, Header(include_in_schema=False)] = "text/csv",
) -> Response | ExportAnswer:
    """One export; with its `token`, the file itself."""
    export = await held.database.read(exports.find, export_id)
    if token is None:
        return ExportAnswer.of(export, str(held.settings.public_url))
    if token != export.id.partition("_")[2]:
        raise NotFound("export file", export_id)
    _may_see(caller, export)
    name = f"{export.exported_object}s-{export.created_at:%Y%m%d-%H%M%S}.csv"
    return Download(
        spooled(exports.read(held.database, export)),
        # Voucherify's own clients ask for text/plain and read nothing else.
        "text/plain" if accept.startswith("text/plain") else "text/csv",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@router.delete(
    "/{export_id}", "resource_not_found", roles=[Role.SERVICE, Role.FINANCE], status_code=204
)
async def delete_export(export_id: ExportPath, held: Held) -> None:
    """Forget an export. What it was made of stays."""
    async with held.database.transaction() as tx:
        await exports.remove(tx, export_id)


def _may_see(caller: Caller, export: Export) -> None:
    """A role that sees masked persons gets no file that names them."""
    hidden = [] if caller.sees_persons else exports.personal(export)
    if hidden:
        fields = ", ".join(hidden)
        raise Forbidden(f"The role {caller.role} may not export {fields}: ask for other fields.")
