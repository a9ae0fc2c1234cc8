"""Incidents, each with the run that found it."""

from __future__ import annotations

from sqlalchemy import select
from sqlmodel import col

from domain.refusals import existing
from store.database import ReadSession
from store.lists.pages import AnySelect, Page, Window, read_page
from store.tables import Incident, ReconciliationItem


async def find(session: ReadSession, incident_id: str) -> tuple[Incident, str]:
    """Raises NotFound."""
    row = existing(
        (await session.execute(_noted().where(col(Incident.id) == incident_id))).one_or_none(),
        "incident",
        incident_id,
    )
    return row[0], row[1]


async def page(
    session: ReadSession, window: Window, *, provider: str | None, filed: str | None
) -> tuple[list[tuple[Incident, str]], Page]:
    """Incidents, newest first."""
    statement = _noted()
    if provider is not None:
        statement = statement.where(col(Incident.provider) == provider)
    if filed is not None:
        statement = statement.where(col(Incident.filed) == filed)
    found = await read_page(session, statement, col(Incident.id), window)
    return [(row[0], row[1]) for row in found.rows], found


def _noted() -> AnySelect:
    return select(Incident, col(ReconciliationItem.reconciliation_id)).join(
        ReconciliationItem, col(ReconciliationItem.id) == col(Incident.item_id)
    )
