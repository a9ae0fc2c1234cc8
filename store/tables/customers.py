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
        Index("ix_customers_name_page", "name", "created_at", "id"),
        Index("ix_customers_city_page", text("(address ->> 'city')"), "created_at", "id"),
        Index("ix_customers_changed", text("coalesce(updated_at, created_at)"), "id"),
        # A number is written in many ways: its digits alone.
        Index("ix_customers_phone", text("phone_digits(phone)")),
        # The words in all that a person is searched by, each by its beginning: migration 0027.
        Index(
            "ix_customers_words",
            text("person_words(name, email, source_id)"),
            postgresql_using="gin",
        ),
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
