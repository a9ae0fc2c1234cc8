"""Incidents, for finance: what a person has taken note of, and reconciliation no longer files."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from api.http.access import allow
from api.http.lists import Listed, Windowed
from api.http.problems import responses
from api.http.resources import Held
from api.http.route import GuardedRoute
from api.reconciliations.schemas import Provider
from domain.reconciliation import Filed
from domain.roles import Role
from store.reconciliation import incidents
from store.tables import Incident

router = APIRouter(
    prefix="/v1/incidents",
    tags=["Reconciliations"],
    route_class=GuardedRoute,
    dependencies=[allow(Role.FINANCE)],
)


class IncidentAnswer(BaseModel):
    """A line of a provider's book, or a grant, that a person has noted as not agreeing with ours.
    Reconciliation files it no more while it says the same."""

    id: str
    object: Literal["incident"] = "incident"
    provider: str
    provider_order_id: str = Field(description="The order's key, where the provider has no id.")
    key: str | None
    order_id: str | None = Field(description="Ours; null for an order that we never placed.")
    reconciliation_id: str
    item_id: str = Field(description="The reconciliation's item that it came of.")
    filed: Filed
    state: str = Field(description="What the provider says of it; `grant …`: what our grant says.")
    face: int | None = Field(description="Face value, minor units.")
    charged: int | None = Field(description="Taken from the deposit, minor units.")
    currency: str | None
    opened_by: str | None
    reason: str | None
    opened_at: datetime

    @classmethod
    def of(cls, incident: Incident, reconciliation_id: str) -> IncidentAnswer:
        members = incident.model_dump(include=set(cls.model_fields))
        return cls(**members, reconciliation_id=reconciliation_id)


class IncidentList(Listed[IncidentAnswer]):
    """Incidents."""


@router.get("", responses=responses("invalid_payload"))
async def list_incidents(
    held: Held,
    window: Windowed,
    provider: Provider | None = None,
    filed: Filed | None = None,
) -> IncidentList:
    """Incidents, newest first."""
    async with held.database.reading() as session:
        found, page = await incidents.page(session, window, provider=provider, filed=filed)
    return IncidentList(
        data=[IncidentAnswer.of(*one) for one in found], total=page.total, has_more=page.has_more
    )


@router.get("/{incident_id}", responses=responses("resource_not_found"))
async def get_incident(incident_id: str, held: Held) -> IncidentAnswer:
    """One incident."""
    async with held.database.reading() as session:
        return IncidentAnswer.of(*await incidents.find(session, incident_id))
