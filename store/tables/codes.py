"""Referral codes, their holders, publications and uses."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from store.tables.columns import document, instant, keys


class Voucher(SQLModel, table=True):
    """A referral code. Unique over all campaigns, as in Voucherify."""

    __tablename__ = "vouchers"
    __table_args__ = (
        Index("ix_vouchers_campaign_page", "campaign_id", "id"),
        Index("ix_vouchers_birth", "created_at", "id"),
        Index("ix_vouchers_changed", text("coalesce(updated_at, created_at)"), "id"),
        Index(
            "ix_vouchers_updated",
            "updated_at",
            "id",
            postgresql_where=text("updated_at IS NOT NULL"),
        ),
        # The words in a code, by prefix: migration 0027.
        Index("ix_vouchers_words", text("search_words(code)"), postgresql_using="gin"),
        Index("ix_vouchers_pool", "campaign_id", "id", postgresql_where=text("NOT published")),
        CheckConstraint("redeemed_quantity >= 0", name="not_given_back_twice"),
        # The function ignores what people change when they type: migration 0019.
        Index("ix_vouchers_reading", text("code_reading(code)")),
        # Where codes that are read alike are looked for.
        Index(
            "ix_vouchers_brought",
            text("code_reading(code)"),
            postgresql_where=text("generated IS NOT TRUE"),
        ),
        # Our own codes all differ in this form. Imported ones may not.
        Index(
            "ux_vouchers_generated_reading",
            text("code_reading(code)"),
            unique=True,
            postgresql_where=text("generated"),
        ),
    )

    id: str = Field(primary_key=True)
    code: str = Field(unique=True)
    campaign_id: str = Field(foreign_key="campaigns.id")
    category: str | None = None
    generated: bool | None = None
    """Drawn by Guerdon. NULL: imported, or created before this was recorded."""
    active: bool = True
    grants_stopped: bool = Field(default=False, sa_column_kwargs={"server_default": "false"})
    """Disabled with its rewards: none is ordered until it is enabled."""
    published: bool = False
    """Given to somebody; until then it is in the campaign's pool."""
    redeemed_quantity: int = 0
    quantity: int | None = None
    """How often this code may be used; None: as often as the campaign's terms say."""
    start_date: datetime | None = instant(nullable=True)
    expiration_date: datetime | None = instant(nullable=True)
    active_until: datetime | None = instant(nullable=True)
    """The end of its own window, which began with its first publication and outlasts the campaign's
    end."""
    attributes: dict[str, Any] = document(default_factory=dict, nullable=False)
    created_at: datetime = instant()
    updated_at: datetime | None = instant(nullable=True)


class Holder(SQLModel, table=True):
    """Who may share a code. `once` copies the campaign's join-once, for a unique index."""

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
    """A code given to a customer. The same `source_id` always returns the same code."""

    __tablename__ = "publications"
    __table_args__ = (
        Index("ix_publications_campaign_page", "campaign_id", "id"),
        Index("ix_publications_customer_page", "customer_id", "id"),
        Index("ix_publications_voucher_page", "voucher_id", "id"),
    )

    id: str = Field(primary_key=True)
    source_id: str | None = Field(default=None, unique=True)
    campaign_id: str = Field(foreign_key="campaigns.id")
    voucher_id: str = Field(foreign_key="vouchers.id")
    customer_id: str = Field(foreign_key="customers.id")
    channel: str = "API"
    attributes: dict[str, Any] = document(default_factory=dict, nullable=False)
    created_at: datetime = instant()


class Redemption(SQLModel, table=True):
    """One use of a code at checkout, with the order and the discount; or a refused use, which is
    stored with its reason and consumed nothing."""

    __tablename__ = "redemptions"
    __table_args__ = (
        # Ids of uses and of refused ones have different prefixes; the rest sorts by creation time.
        Index("ix_redemptions_birth", text("split_part(id, '_', 2)")),
        Index("ix_redemptions_created", "created_at", text("split_part(id, '_', 2)")),
        Index("ix_redemptions_campaign_page", "campaign_id", text("split_part(id, '_', 2)")),
        Index("ix_redemptions_customer_page", "customer_id", text("split_part(id, '_', 2)")),
        Index("ix_redemptions_code_page", "code", text("split_part(id, '_', 2)")),
        Index(
            "ix_redemptions_refused_page",
            text("split_part(id, '_', 2)"),
            postgresql_where=text("failure_code IS NOT NULL"),
        ),
        Index("ix_redemptions_order_ids", "order_ids", postgresql_using="gin"),
        Index(
            "ix_redemptions_counted",
            "campaign_id",
            "customer_id",
            postgresql_where=text("counts"),
        ),
        CheckConstraint(
            "failure_code IS NOT NULL OR (voucher_id IS NOT NULL AND campaign_id IS NOT NULL"
            " AND customer_id IS NOT NULL)",
            name="use_is_whole",
        ),
        # A coupon's use belongs to no referral, and counts for no limit of a campaign.
        CheckConstraint("referral_id IS NOT NULL OR NOT counts", name="counted_use_refers"),
        CheckConstraint("failure_code IS NULL OR NOT counts", name="failure_counts_nothing"),
    )

    id: str = Field(primary_key=True)
    identity: str | None = Field(default=None, unique=True)
    """The caller's order, tracking id or Idempotency-Key, hashed with code and customer. None for a
    refused use: the next attempt is judged anew."""
    code: str
    """As it was given, because a refused code may not exist."""
    counts: bool = True
    """Counts for the campaign's limits: neither refused nor rolled back, nor a coupon's."""
    voucher_id: str | None = Field(default=None, foreign_key="vouchers.id", index=True)
    campaign_id: str | None = Field(default=None, foreign_key="campaigns.id")
    customer_id: str | None = Field(default=None, foreign_key="customers.id")
    referral_id: str | None = Field(default=None, foreign_key="referrals.id", index=True)
    order_source_id: str | None = Field(default=None, index=True)
    order_ids: list[str] | None = keys()
    """Keys of every id of the order; NULL: from before all of them were stored."""
    order: dict[str, Any] | None = document(default=None, nullable=True)
    amount: int = Field(default=0, sa_type=BigInteger)
    discount_amount: int = Field(default=0, sa_type=BigInteger)
    tracking_id: str | None = None
    attributes: dict[str, Any] = document(default_factory=dict, nullable=False)
    failure_code: str | None = None
    failure_message: str | None = None
    created_at: datetime = instant()


class Rollback(SQLModel, table=True):
    """A redemption that was undone, once: a unique constraint enforces it."""

    __tablename__ = "rollbacks"

    id: str = Field(primary_key=True)
    redemption_id: str = Field(foreign_key="redemptions.id", unique=True)
    amount: int = Field(sa_type=BigInteger)
    """How much of the order was refunded, minor units."""
    whole: bool
    """All of the order; then the use is given back to the code and to the customer."""
    reason: str | None = None
    tracking_id: str | None = None
    attributes: dict[str, Any] = document(default_factory=dict, nullable=False)
    actor: str
    created_at: datetime = instant()
