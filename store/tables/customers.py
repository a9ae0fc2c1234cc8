"""People, known by the caller's immutable `source_id` and our `id`."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from store.tables.columns import document, instant


class Customer(SQLModel, table=True):
    """The only table that holds a person's own data, besides the snapshots in orders."""

    __tablename__ = "customers"
    __table_args__ = (
        Index("ix_customers_birth", "created_at", "id"),
        # Nobody remembers the capitals of an address.
        Index("ix_customers_lower_email", text("lower(email)")),
    )

    id: str = Field(primary_key=True)
    source_id: str | None = Field(default=None, unique=True)
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    description: str | None = None
    birthdate: date | None = None
    address: dict[str, Any] | None = document(default=None, nullable=True)
    attributes: dict[str, Any] = document(default_factory=dict, nullable=False)
    """The caller's `metadata` (a name that SQLModel keeps for itself)."""
    created_at: datetime = instant()
    updated_at: datetime | None = instant(nullable=True)
    erased_at: datetime | None = instant(nullable=True)
    """When the person was erased: the row stays, for others name its id."""
