"""Incidents, for finance: differences that a person has noted, and that reconciliation no longer
files."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import Query
from pydantic import BaseModel, Field

from api.http.ids import CurrencyCode, Minor, OrderKey, ProviderName, ProviderOrderId
from api.http.lists import Listed, Windowed
from api.http.parameters import IncidentPath
from api.http.resources import Held
from api.http.route import GuardedRouter
from api.reconciliations.schemas import Provider
from domain.reconciliation import Filed
from domain.roles import Role
from store.reconciliation import incidents
from store.tables import Incident

router = GuardedRouter("/v1/incidents", "Reconciliations", roles=[Role.FINANCE])


class IncidentAnswer(BaseModel):
    """A line of a provider's book, or a grant, that a person has noted as not agreeing with ours.
    Reconciliation files it no more while it says the same."""

    id: str = Field(examples=["inc_01jd3v5q8g6w2x4y7z9a1b3c5d"])
    object: Literal["incident"] = "incident"
    provider: ProviderName
    provider_order_id: ProviderOrderId = Field(
        description="The order's key, where the provider has no id."
    )
    key: OrderKey | None
    order_id: str | None = Field(description="Ours; null for an order that we never placed.")
    reconciliation_id: str = Field(examples=["rec_01jd3v5q8g6w2x4y7z9a1b3c5d"])
    item_id: str = Field(
        description="The reconciliation's item that it came of.",
        examples=["5f0c2a9be71d4c83a6f2e9d07b1c4e8f"],
    )
    filed: Filed = Field(examples=["unknown_to_us"])
    state: str = Field(
        description="What the provider says of it; `grant …`: what our grant says.",
        examples=["issued"],
    )
    face: Minor | None = Field(description="Face value, minor units.")
    charged: Minor | None = Field(description="Taken from the deposit, minor units.")
    currency: CurrencyCode | None
    opened_by: str | None
    reason: str | None = Field(examples=["Bought by hand, for the booth."])
    opened_at: datetime

    @classmethod
    def of(cls, incident: Incident, reconciliation_id: str) -> IncidentAnswer:
        members = incident.model_dump(include=set(cls.model_fields))
        return cls(**members, reconciliation_id=reconciliation_id)


class IncidentList(Listed[IncidentAnswer]):
    """Incidents."""


@router.get("")
async def list_incidents(
    held: Held,
    window: Windowed,
    provider: Annotated[
        Provider | None, Query(description="A provider's name, such as `giftcard-partners`.")
    ] = None,
    filed: Annotated[
        Filed | None, Query(description="Only what was filed under this word.")
    ] = None,
) -> IncidentList:
    """Incidents, newest first."""
    found, page = await held.database.read(incidents.page, window, provider=provider, filed=filed)
    return IncidentList.of([IncidentAnswer.of(*one) for one in found], page)


@router.get("/{incident_id}", "resource_not_found")
async def get_incident(incident_id: IncidentPath, held: Held) -> IncidentAnswer:
    """One incident."""
    return IncidentAnswer.of(*await held.database.read(incidents.find, incident_id))
