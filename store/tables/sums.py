"""Partial sums of the ledger, so that a balance need not read every entry."""

from __future__ import annotations

from datetime import date

from sqlalchemy import BigInteger, CheckConstraint, Date
from sqlmodel import Field, SQLModel

from store.tables.columns import account_name


class AccountSum(SQLModel, table=True):
    """What an account's entries below the horizon come to."""

    __tablename__ = "account_sums"

    account: str = account_name(primary_key=True)
    currency: str = Field(primary_key=True)
    amount: int = Field(sa_type=BigInteger)


class AccountDay(SQLModel, table=True):
    """The same for one day, UTC: what a balance of a past date is made of."""

    __tablename__ = "account_days"

    account: str = account_name(primary_key=True)
    currency: str = Field(primary_key=True)
    day: date = Field(primary_key=True, sa_type=Date)
    amount: int = Field(sa_type=BigInteger)


class SumHorizon(SQLModel, table=True):
    """One row: entries of transactions before `xid` are in the sums, all others are not."""

    __tablename__ = "sum_horizon"
    __table_args__ = (CheckConstraint("id = 1", name="only_one"),)

    id: int = Field(default=1, primary_key=True)
    xid: int = Field(default=0, sa_type=BigInteger)
