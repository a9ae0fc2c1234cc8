"""Beside the ledger's entries: its seals and those of the events; partial sums, so that a balance
need not read every entry; tax rules as data, and who has handed in a form."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, Date, LargeBinary
from sqlmodel import Field, SQLModel

from store.tables.columns import account_name, instant

_NUMBERS: Any = ARRAY(BigInteger)


class _Seal(SQLModel):
    """One block of a chain; a domain.seals.Block. Never changed, never deleted."""

    number: int = Field(primary_key=True, sa_type=BigInteger)
    from_xid: int = Field(sa_type=BigInteger)
    to_xid: int = Field(sa_type=BigInteger)
    seqs: list[int] = Field(sa_type=_NUMBERS, nullable=False)
    digests: bytes = Field(sa_type=LargeBinary)
    previous: bytes = Field(sa_type=LargeBinary)
    hash: bytes = Field(sa_type=LargeBinary)
    sealed_at: datetime = instant()


class LedgerSeal(_Seal, table=True):
    """Blocks over the ledger's entries."""

    __tablename__ = "ledger_seals"


class EventSeal(_Seal, table=True):
    """Blocks over the events."""

    __tablename__ = "event_seals"


class AccountSum(SQLModel, table=True):
    """The sum of an account's entries before the horizon."""

    __tablename__ = "account_sums"

    account: str = account_name(primary_key=True)
    currency: str = Field(primary_key=True)
    amount: int = Field(sa_type=BigInteger)


class AccountDay(SQLModel, table=True):
    """The same for one day, UTC, for balances at a past date."""

    __tablename__ = "account_days"

    account: str = account_name(primary_key=True)
    currency: str = Field(primary_key=True)
    day: date = Field(primary_key=True, sa_type=Date)
    amount: int = Field(sa_type=BigInteger)


class CurrencyDay(SQLModel, table=True):
    """What one day's entries come to in all accounts, UTC: anything but zero is an error."""

    __tablename__ = "currency_days"

    currency: str = Field(primary_key=True)
    day: date = Field(primary_key=True, sa_type=Date)
    amount: int = Field(sa_type=BigInteger)


class SumHorizon(SQLModel, table=True):
    """One row: entries of transactions before `xid` are in the sums, all others are not."""

    __tablename__ = "sum_horizon"
    __table_args__ = (CheckConstraint("id = 1", name="only_one"),)

    id: int = Field(default=1, primary_key=True)
    xid: int = Field(default=0, sa_type=BigInteger)


class TaxThreshold(SQLModel, table=True):
    """From this sum of rewards in a calendar year, a person's form is needed."""

    __tablename__ = "tax_thresholds"
    __table_args__ = (CheckConstraint("amount > 0", name="amount_positive"),)

    currency: str = Field(primary_key=True)
    amount: int = Field(sa_type=BigInteger)
    form: str
    """Its name, such as W-9."""
    updated_at: datetime = instant()


class TaxForm(SQLModel, table=True):
    """A form that a person has submitted. The form itself is stored elsewhere."""

    __tablename__ = "tax_forms"

    customer_id: str = Field(primary_key=True, foreign_key="customers.id")
    form: str
    recorded_by: str
    recorded_at: datetime = instant()
