"""Referral codes, who holds them, how they were given out and used."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from store.tables.columns import document, instant


class Voucher(SQLModel, table=True):
    """A referral code. Unique over all campaigns, as Voucherify's are."""

    __tablename__ = "vouchers"
    __table_args__ = (
        Index("ix_vouchers_pool", "campaign_id", "id", postgresql_where=text("NOT published")),
    )

    id: str = Field(primary_key=True)
    code: str = Field(unique=True)
    campaign_id: str = Field(foreign_key="campaigns.id", index=True)
    active: bool = True
    published: bool = False
    """Given to somebody; until then it waits in the campaign's pool."""
    redeemed_quantity: int = 0
    created_at: datetime = instant()


class Holder(SQLModel, table=True):
    """Who may share a code. `once` copies the campaign's join-once, so that a unique index can
    keep the promise."""

    __tablename__ = "holders"
    __table_args__ = (
        UniqueConstraint("voucher_id", "customer_id"),
        Index(
            "ux_holders_join_once",
            "campaign_id",
            "customer_id",
            unique=True,
            postgresql_where=text("once AND role = 'OWNER'"),
        ),
        Index(
            "ux_holders_owner", "voucher_id", unique=True, postgresql_where=text("role = 'OWNER'")
        ),
    )

    id: str = Field(primary_key=True)
    voucher_id: str = Field(foreign_key="vouchers.id")
    campaign_id: str = Field(foreign_key="campaigns.id")
    customer_id: str = Field(foreign_key="customers.id", index=True)
    role: str
    once: bool
    created_at: datetime = instant()


class Publication(SQLModel, table=True):
    """A code given to a customer. The same `source_id` always answers with the same code."""

    __tablename__ = "publications"

    id: str = Field(primary_key=True)
    source_id: str | None = Field(default=None, unique=True)
    campaign_id: str = Field(foreign_key="campaigns.id", index=True)
    voucher_id: str = Field(foreign_key="vouchers.id")
    customer_id: str = Field(foreign_key="customers.id", index=True)
    channel: str = "API"
    attributes: dict[str, Any] = document(default_factory=dict, nullable=False)
    created_at: datetime = instant()


class Redemption(SQLModel, table=True):
    """One use of a code at checkout, with the order and what the referee saved."""

    __tablename__ = "redemptions"

    id: str = Field(primary_key=True)
    identity: str = Field(unique=True)
    """The caller's order, tracking id or Idempotency-Key, hashed with code and customer."""
    voucher_id: str = Field(foreign_key="vouchers.id", index=True)
    campaign_id: str = Field(foreign_key="campaigns.id")
    customer_id: str = Field(foreign_key="customers.id", index=True)
    referral_id: str | None = Field(default=None, foreign_key="referrals.id", index=True)
    order_source_id: str | None = Field(default=None, index=True)
    order: dict[str, Any] | None = document(default=None, nullable=True)
    amount: int = Field(default=0, sa_type=BigInteger)
    discount_amount: int = Field(default=0, sa_type=BigInteger)
    tracking_id: str | None = None
    attributes: dict[str, Any] = document(default_factory=dict, nullable=False)
    created_at: datetime = instant()
