"""A grant's evidence, as one file."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field
from starlette.responses import Response

from api.http.access import READERS
from api.http.parameters import GrantPath
from api.http.resources import Held
from api.http.route import GuardedRouter
from domain.evidence import Evidence, Signature, chain
from domain.roles import Role
from store.access import deployment_key
from store.database import ReadSession
from store.grants import evidence

router = GuardedRouter("/v1/grants", "Grants")
keys = GuardedRouter("/v1/evidence-key", "Grants")


_EXAMPLE = chain(
    "gr_01jd3v5q8g6w2x4y7z9a1b3c5d",
    {
        "terms": {"campaign_id": "camp_01jd3v5q8g6w2x4y7z9a1b3c5d", "version": 1},
        "conversion": {"received_at": "2026-11-20T09:30:00Z"},
    },
).model_copy(update={"signature": Signature(public_key="9f" * 32, value="4c" * 64)})


class EvidenceKey(BaseModel):
    """What this deployment signs evidence with. Keep it where the evidence is checked."""

    object: Literal["evidence_key"] = "evidence_key"
    algorithm: Literal["Ed25519"] = "Ed25519"
    public_key: str = Field(description="Hexadecimal.", examples=["9f" * 32])


@keys.get("", roles=READERS)
async def get_evidence_key(held: Held) -> EvidenceKey:
    """The public key; the same for as long as the deployment lives."""
    async with held.database.transaction() as tx:
        return EvidenceKey(public_key=await deployment_key.public_key(tx, held.vault))


@router.get(
    "/{grant_id}/evidence",
    "resource_not_found",
    roles=[Role.SUPPORT, Role.FINANCE],
    response_model=Evidence,
    responses={200: {"content": {"application/json": {"example": _EXAMPLE.model_dump()}}}},
)
async def get_evidence(grant_id: GrantPath, held: Held) -> Response:
    """Terms, conversion, verdicts, orders, attempts, the provider's answers and ledger entries in
    hash-chained sections, signed by this deployment; `guerdon evidence verify FILE --key KEY`
    checks both. Ids only: it outlives the
    customer's deletion."""
    async with held.database.transaction() as tx:
        found = await evidence.of_grant(ReadSession(tx.session), grant_id)
        found = await deployment_key.sign(tx, found, held.vault)
    name = f'attachment; filename="{grant_id}.json"'
    body = found.model_dump_json(indent=1)
    return Response(body, media_type="application/json", headers={"Content-Disposition": name})
