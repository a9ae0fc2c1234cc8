"""What tells people apart: of those who counted, of those whose particulars changed, and of those
who were erased."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, SQLModel

from store.tables.columns import instant


class PersonMark(SQLModel, table=True):
    """An e-mail address, phone number or postal address that a customer took on or gave up. What
    a customer has had all along stands in the customer's own row only."""

    __tablename__ = "person_marks"

    customer_id: str = Field(primary_key=True, foreign_key="customers.id")
    mark: str = Field(primary_key=True, index=True)
    """A hash of kind and value."""
    kind: str
    """email, phone or address."""
    value: str
    """Normalised. Deleted with the customer."""
    since: datetime = instant()
    """When the customer last took it on, as far as is known."""
    cleared_at: datetime | None = instant(nullable=True)
    """A person has decided that nothing is wrong with this customer having it."""


class ErasedMark(SQLModel, table=True):
    """The same of a customer who was erased, as a hash under a key that does not rotate."""

    __tablename__ = "erased_marks"

    customer_id: str = Field(primary_key=True, foreign_key="customers.id")
    mark: str = Field(primary_key=True, index=True)
    """An HMAC of the mark."""
    kind: str
    forget_at: datetime = instant(index=True)
