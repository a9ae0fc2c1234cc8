"""People, known by the caller's immutable `source_id` and our `id`; what the caller's identities
said; and what tells people apart."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from store.tables.columns import document, instant


class Customer(SQLModel, table=True):
    """The only table with a person's own data, besides the snapshots in orders."""

    __tablename__ = "customers"
    __table_args__ = (
        Index("ix_customers_birth", "created_at", "id"),
        # People do not remember the case of an address.
        Index("ix_customers_lower_email", text("lower(email)")),
        Index("ix_customers_name_page", "name", "created_at", "id"),
        Index("ix_customers_city_page", text("(address ->> 'city')"), "created_at", "id"),
        Index("ix_customers_changed", text("coalesce(updated_at, created_at)"), "id"),
        Index(
            "ix_customers_updated",
            "updated_at",
            "id",
            postgresql_where=text("updated_at IS NOT NULL"),
        ),
        # Numbers are written in many ways, so only digits are compared.
        Index("ix_customers_phone", text("phone_digits(phone)")),
        # The words of all searched columns, by prefix: migration 0027.
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
    """The caller's `metadata` (a name that SQLModel reserves)."""
    created_at: datetime = instant()
    updated_at: datetime | None = instant(nullable=True)
    erased_at: datetime | None = instant(nullable=True)
    """When the person was erased: the row stays, because others refer to its id."""


class Identity(SQLModel, table=True):
    """What the first request under one of the caller's identities said, and its result. Never
    expires. Requests from before this table are replayed without comparing."""

    __tablename__ = "identities"

    kind: str = Field(primary_key=True)
    """A word of domain.repeats.Kind."""
    name: str = Field(primary_key=True)
    """A hash of the identity and its scope."""
    content: dict[str, Any] = document(nullable=False)
    """The compared members; of people only ids."""
    result: list[str] = document(nullable=False)
    """Ids of the result."""
    created_at: datetime = instant()


class PersonMark(SQLModel, table=True):
    """An e-mail address, phone number or postal address that a customer took on or gave up. A value
    that never changed is only in the customer's own row."""

    __tablename__ = "person_marks"

    customer_id: str = Field(primary_key=True, foreign_key="customers.id")
    mark: str = Field(primary_key=True, index=True)
    """A hash of kind and value."""
    kind: str
    """email, phone or address."""
    value: str
    """Normalised. Deleted with the customer."""
    since: datetime = instant()
    """When the customer last took it on, as far as known."""
    cleared_at: datetime | None = instant(nullable=True)
    """A person has decided that nothing is wrong with this customer having it."""


class ErasedMark(SQLModel, table=True):
    """The same for an erased customer, as a hash under a key that does not rotate."""

    __tablename__ = "erased_marks"

    customer_id: str = Field(primary_key=True, foreign_key="customers.id")
    mark: str = Field(primary_key=True, index=True)
    """An HMAC of the mark."""
    kind: str
    forget_at: datetime = instant(index=True)
