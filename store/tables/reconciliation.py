"""Reconciliations, what they found, and what was done about it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index
from sqlmodel import Field, SQLModel

from domain.reconciliation import Filed
from store.tables.columns import document, instant, one_of


class Reconciliation(SQLModel, table=True):
    """One comparison of three books for one provider over [since, until). While it runs its lines
    are in a table of their own, `lines_of_{id}`."""

    __tablename__ = "reconciliations"

    id: str = Field(primary_key=True)
    provider: str = Field(index=True)
    since: datetime = instant()
    until: datetime = instant()
    source: str
    """provider, or statement."""
    status: str = "running"
    """running, completed or failed."""
    progress: dict[str, Any] = document(default_factory=dict, nullable=False)
    """`stage`, `lines` staged so far, `slice` of `slices`."""
    totals: dict[str, int] = document(default_factory=dict, nullable=False)
    detail: str | None = None
    """Why it failed."""
    actor: str | None = None
    created_at: datetime = instant()
    read_from: datetime | None = instant(nullable=True)
    """When reading the provider's book began; later changes are in flight."""
    finished_at: datetime | None = instant(nullable=True)


class ReconciliationItem(SQLModel, table=True):
    """An order that is not matched. Its id is a hash of run, key and the provider's order, so that
    a repeated comparison files the same items."""

    __tablename__ = "reconciliation_items"
    __table_args__ = (
        one_of("filed", Filed),
        Index("ix_reconciliation_items_run", "reconciliation_id", "id"),
    )

    id: str = Field(primary_key=True)
    reconciliation_id: str = Field(foreign_key="reconciliations.id")
    filed: str
    key: str | None = None
    provider_order_id: str | None = None
    order_id: str | None = Field(default=None, index=True)
    grant_id: str | None = None
    ours: dict[str, Any] = document(default_factory=dict, nullable=False)
    ledger: dict[str, Any] = document(default_factory=dict, nullable=False)
    theirs: dict[str, Any] = document(default_factory=dict, nullable=False)
    """Each a domain.reconciliation.Standing; missing members are left out."""
    status: str = "open"
    """open, repairing or repaired."""
    outcome: str | None = None
    repaired_by: str | None = None
    reason: str | None = None
    repaired_at: datetime | None = instant(nullable=True)


class Incident(SQLModel, table=True):
    """A line of a provider's book that a person has noted and finance has booked. As long as the
    provider shows it with the same values, it is no new difference."""

    __tablename__ = "incidents"
    __table_args__ = (Index("ix_incidents_line", "provider", "provider_order_id"),)

    id: str = Field(primary_key=True)
    provider: str
    provider_order_id: str
    key: str | None = None
    order_id: str | None = None
    item_id: str = Field(unique=True)
    filed: str
    state: str
    face: int | None = Field(default=None, sa_type=BigInteger)
    charged: int | None = Field(default=None, sa_type=BigInteger)
    currency: str | None = None
    opened_by: str | None = None
    reason: str | None = None
    opened_at: datetime = instant()


class StatementMapping(SQLModel, table=True):
    """How a provider's statements are read."""

    __tablename__ = "statement_mappings"

    provider: str = Field(primary_key=True)
    mapping: dict[str, Any] = document(nullable=False)
    """A domain.statements.Mapping."""
    updated_at: datetime = instant()
