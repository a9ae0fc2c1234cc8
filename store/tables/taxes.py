"""Tax rules as data, and which person has handed in a form."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint
from sqlmodel import Field, SQLModel

from store.tables.columns import instant


class TaxThreshold(SQLModel, table=True):
    """From this sum of rewards in a calendar year on, a person's form is needed."""

    __tablename__ = "tax_thresholds"
    __table_args__ = (CheckConstraint("amount > 0", name="amount_positive"),)

    currency: str = Field(primary_key=True)
    amount: int = Field(sa_type=BigInteger)
    form: str
    """Its name, such as W-9."""
    updated_at: datetime = instant()


class TaxForm(SQLModel, table=True):
    """A form that a person has handed in. The form itself is kept elsewhere."""

    __tablename__ = "tax_forms"

    customer_id: str = Field(primary_key=True, foreign_key="customers.id")
    form: str
    recorded_by: str
    recorded_at: datetime = instant()
