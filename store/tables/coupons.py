"""Discount coupons that were minted for grants."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import Field, SQLModel

from store.tables.columns import document, instant


class Coupon(SQLModel, table=True):
    """A code that is one person's reward. The code itself is a voucher, which has its dates and
    its uses; one a grant, whatever is retried or reached again."""

    __tablename__ = "coupons"

    voucher_id: str = Field(primary_key=True, foreign_key="vouchers.id")
    grant_id: str = Field(unique=True, foreign_key="grants.id")
    customer_id: str = Field(foreign_key="customers.id", index=True)
    discount: dict[str, Any] = document(nullable=False)
    created_at: datetime = instant()
