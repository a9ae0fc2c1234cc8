"""Counters by day, so that a summary need not read every referral. Triggers append what a fact
changes (migration 0031), and `store.counts.fold` adds it up."""

from __future__ import annotations

from datetime import date

from sqlalchemy import BigInteger, Column, Date, Identity, Index, text
from sqlmodel import Field, SQLModel


class CountChange(SQLModel, table=True):
    """One change of a count, appended in the fact's transaction, so that no fact waits for
    another's row."""

    __tablename__ = "count_changes"

    id: int | None = Field(
        default=None, sa_column=Column("id", BigInteger, Identity(always=True), primary_key=True)
    )
    campaign_id: str = Field(index=True)
    day: date = Field(sa_type=Date)
    """UTC: the day on which the counted thing began."""
    name: str
    """What is counted: referral, code, grant_open, …"""
    unit: str
    """A referral's version of the terms and how far it came (`3|completed/converted/qualified`),
    or a grant's currency; else empty."""
    amount: int = Field(sa_type=BigInteger)
    """A number, or minor units."""
    referrer_id: str | None = None
    """The referrer, for the list of those who refer most."""


class DailyCount(SQLModel, table=True):
    """The sum of the changes that are added up already."""

    __tablename__ = "daily_counts"

    campaign_id: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    unit: str = Field(primary_key=True)
    day: date = Field(primary_key=True, sa_type=Date)
    amount: int = Field(sa_type=BigInteger)


class ReferrerCount(SQLModel, table=True):
    """How many friends somebody referred in a campaign, and how many of them counted."""

    __tablename__ = "referrer_counts"
    __table_args__ = (
        Index(
            "ix_referrer_counts_top",
            "campaign_id",
            text("qualified DESC"),
            text("referred DESC"),
            "referrer_id",
        ),
    )

    campaign_id: str = Field(primary_key=True)
    referrer_id: str = Field(primary_key=True)
    referred: int = Field(sa_type=BigInteger)
    qualified: int = Field(sa_type=BigInteger)


class ReferrerDailyCount(SQLModel, table=True):
    """The same for the referrals that began on one day, UTC."""

    __tablename__ = "referrer_daily_counts"

    campaign_id: str = Field(primary_key=True)
    day: date = Field(primary_key=True, sa_type=Date)
    referrer_id: str = Field(primary_key=True)
    referred: int = Field(sa_type=BigInteger)
    qualified: int = Field(sa_type=BigInteger)
