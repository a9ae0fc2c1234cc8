"""A grant's evidence, as one file."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from api.http.access import allow
from api.http.problems import responses
from api.http.resources import Held
from api.http.route import GuardedRoute
from domain.evidence import Evidence
from domain.roles import Role
from store.grants import evidence

router = APIRouter(prefix="/v1/grants", tags=["Grants"], route_class=GuardedRoute)


@router.get(
    "/{grant_id}/evidence",
    dependencies=[allow(Role.SUPPORT, Role.FINANCE)],
    response_model=Evidence,
    responses=responses("resource_not_found"),
)
async def get_evidence(grant_id: str, held: Held) -> Response:
    """Terms, conversion, verdicts, orders, attempts, the provider's answers and ledger entries in
    hash-chained sections; `guerdon evidence verify FILE` checks them. Ids only: it outlives the
    customer's deletion."""
    async with held.database.reading() as session:
        found = await evidence.of_grant(session, grant_id)
    name = f'attachment; filename="{grant_id}.json"'
    body = found.model_dump_json(indent=1)
    return Response(body, media_type="application/json", headers={"Content-Disposition": name})
