"""Reversals, receivables, and wallets."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Index, text
from sqlmodel import Field, SQLModel

from store.tables.columns import document, instant


class Reversal(SQLModel, table=True):
    """One refund or finding against one referral, once. Amounts in the order's minor units."""

    __tablename__ = "reversals"
    __table_args__ = (CheckConstraint("refunded > 0", name="refunded_positive"),)

    id: str = Field(primary_key=True)
    referral_id: str = Field(foreign_key="referrals.id", index=True)
    identity: str = Field(unique=True)
    """A hash of the referral and the caller's own id for it, such as a refund's."""
    refunded: int | None = Field(default=None, sa_type=BigInteger)
    """None: all that was left of the order."""
    cause: str | None = None
    """A domain.reversal.Cause; None: from before causes were distinguished."""
    round: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    """The referral's round: reversals from before a reinstatement no longer count."""
    actor: str | None = None
    created_at: datetime = instant()
    carried_out_at: datetime | None = instant(nullable=True)
    """When its share was set on the grants; each is then undone in its own time."""


class EarlyRefund(SQLModel, table=True):
    """A refund that came before its purchase. It is judged when the purchase comes."""

    __tablename__ = "early_refunds"

    id: str = Field(primary_key=True)
    """Hash of the order and the caller's refund id."""
    order_key: str = Field(index=True)
    """Sort and id of the order (domain.purchases)."""
    campaign_id: str | None = None
    """Only for conversions in this campaign."""
    all_campaigns: bool = False
    refunded: int | None = Field(default=None, sa_type=BigInteger)
    """None: all of the order."""
    order_amount: int | None = Field(default=None, sa_type=BigInteger)
    currency: str | None = None
    identity: str | None = None
    """The refund's own id; None: not given, and it is for all of the order."""
    cause: str
    actor: str | None = None
    created_at: datetime = instant(index=True)
    claims: list[str] = document(default_factory=list, nullable=False)
    """The referrals that it was judged for."""
    claimed_in: str | None = None
    """The campaign of the first of them."""
    problem: str | None = None
    """Why it was not applied to one of them, which waits for a person."""


class Receivable(SQLModel, table=True):
    """What a person owes us in one unit; below zero, what we took too much. The next grant in that
    unit is reduced by it."""

    __tablename__ = "receivables"

    customer_id: str = Field(primary_key=True, foreign_key="customers.id")
    unit: str = Field(primary_key=True)
    """A currency, or POINTS."""
    balance: int = Field(default=0, sa_type=BigInteger)


class WalletUse(SQLModel, table=True):
    """One use of a wallet, what was returned of it, and the credits it was drawn from."""

    __tablename__ = "wallet_uses"
    __table_args__ = (CheckConstraint("returned BETWEEN 0 AND amount", name="returned_fits"),)

    id: str = Field(primary_key=True)
    """The posting's subject: the customer, and a hash of the caller's reference."""
    customer_id: str = Field(foreign_key="customers.id", index=True)
    unit: str
    amount: int = Field(sa_type=BigInteger)
    returned: int = Field(default=0, sa_type=BigInteger)
    drawn: list[list[Any]] = document(default_factory=list, nullable=False)
    """[credit's id, amount], in the order drawn. Empty for a use from before this was stored."""
    created_at: datetime = instant()


class WalletCredit(SQLModel, table=True):
    """What one grant put into a person's wallet, and what is left of it. A wallet's balance is the
    sum of what is left; the credit that expires first is used first."""

    __tablename__ = "wallet_credits"
    __table_args__ = (
        CheckConstraint("remaining BETWEEN 0 AND amount", name="remaining_fits"),
        Index("ix_wallet_credits_owner", "customer_id", "unit"),
        Index(
            "ix_wallet_credits_expiring",
            "expires_at",
            postgresql_where=text("remaining > 0 AND expires_at IS NOT NULL"),
        ),
    )

    id: str = Field(primary_key=True)
    """The posting's subject: the grant, or the grant and how often it was reopened."""
    grant_id: str = Field(foreign_key="grants.id", index=True)
    customer_id: str = Field(foreign_key="customers.id")
    unit: str
    amount: int = Field(sa_type=BigInteger)
    remaining: int = Field(sa_type=BigInteger)
    expires_at: datetime | None = instant(nullable=True)
    created_at: datetime = instant()
