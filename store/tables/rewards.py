"""Reusable rewards, and the secrets that sign callouts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import LargeBinary
from sqlmodel import Field, SQLModel

from store.tables.columns import document, instant


class RewardDefinition(SQLModel, table=True):
    """A reward to be used in campaigns. Each campaign version keeps its own copy of it."""

    __tablename__ = "rewards"

    id: str = Field(primary_key=True)
    name: str
    reward: dict[str, Any] = document(nullable=False)
    description: str | None = None
    image_url: str | None = None
    attributes: dict[str, Any] = document(default_factory=dict, nullable=False)
    """The caller's `metadata`."""
    created_at: datetime = instant()
    updated_at: datetime | None = instant(nullable=True)


class SigningSecret(SQLModel, table=True):
    """The secret that signs callouts, encrypted; the row's id is associated data."""

    __tablename__ = "signing_secrets"

    id: str = Field(primary_key=True)
    ciphertext: bytes = Field(sa_type=LargeBinary)
    created_at: datetime = instant()


class Coupon(SQLModel, table=True):
    """A code that is one person's reward. The code itself is a voucher, with its dates and uses;
    one per grant, also after retries or reopening."""

    __tablename__ = "coupons"

    voucher_id: str = Field(primary_key=True, foreign_key="vouchers.id")
    grant_id: str = Field(unique=True, foreign_key="grants.id")
    customer_id: str = Field(foreign_key="customers.id", index=True)
    discount: dict[str, Any] = document(nullable=False)
    created_at: datetime = instant()
