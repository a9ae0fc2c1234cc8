"""Visits of short links."""

from __future__ import annotations

from datetime import date

from sqlalchemy import BigInteger, Column, Date, ForeignKey, String
from sqlmodel import Field, SQLModel


class LinkVisits(SQLModel, table=True):
    """How often a code's short link was followed on one day, UTC. Its number is spread over a few
    rows, so that visitors of one code seldom wait for each other."""

    __tablename__ = "link_visits"

    voucher_id: str = Field(
        sa_column=Column(String, ForeignKey("vouchers.id", ondelete="CASCADE"), primary_key=True)
    )
    day: date = Field(primary_key=True, sa_type=Date)
    part: int = Field(primary_key=True)
    campaign_id: str
    visits: int = Field(sa_type=BigInteger)
