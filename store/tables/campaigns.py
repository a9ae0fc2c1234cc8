"""Campaigns, their pinned versions, moves of waiting referrals between these, and the counter that
guards a budget."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint
from sqlmodel import Field, SQLModel

from store.tables.columns import document, instant


class Campaign(SQLModel, table=True):
    """A referral programme. Its terms are in its versions; `version` is the current one."""

    __tablename__ = "campaigns"

    id: str = Field(primary_key=True)
    name: str = Field(unique=True)
    description: str | None = None
    category: str | None = None
    type: str
    join_once: bool
    active: bool
    grants_stopped: bool = Field(default=False, sa_column_kwargs={"server_default": "false"})
    """Disabled with its rewards: none is ordered until it is enabled."""
    opened_at: datetime | None = instant(nullable=True)
    """When it was first active; until then it is a draft."""
    start_date: datetime | None = instant(nullable=True)
    expiration_date: datetime | None = instant(nullable=True)
    landing_url: str | None = None
    """Where short links of its codes lead, with `{code}` in it."""
    share_text: str | None = None
    """What people send to their friends, in Liquid; None: the usual text."""
    version: int
    attributes: dict[str, Any] = document(default_factory=dict, nullable=False)
    created_at: datetime = instant()
    updated_at: datetime | None = instant(nullable=True)


class CampaignVersion(SQLModel, table=True):
    """The terms as of one edit. Rows never change; referrals refer to them."""

    __tablename__ = "campaign_versions"

    campaign_id: str = Field(primary_key=True, foreign_key="campaigns.id")
    version: int = Field(primary_key=True)
    terms: dict[str, Any] = document(nullable=False)
    created_at: datetime = instant()


class Budget(SQLModel, table=True):
    """The counter of a campaign's budget: it cannot exceed `ceiling`, not even briefly. Minor
    units."""

    __tablename__ = "budgets"
    __table_args__ = (
        CheckConstraint("reserved >= 0 AND committed >= 0", name="not_negative"),
        CheckConstraint("ceiling IS NULL OR reserved + committed <= ceiling", name="ceiling"),
    )

    campaign_id: str = Field(primary_key=True, foreign_key="campaigns.id")
    currency: str = Field(primary_key=True)
    ceiling: int | None = Field(default=None, sa_type=BigInteger)
    reserved: int = Field(default=0, sa_type=BigInteger)
    committed: int = Field(default=0, sa_type=BigInteger)
    """Issued, whether or not it has been delivered yet."""


class TermsMove(SQLModel, table=True):
    """A previewed move, and once done its record: who, why, from where, how many. `shown` holds the
    number of waiting referrals under each version at the preview."""

    __tablename__ = "terms_moves"
    __table_args__ = (
        ForeignKeyConstraint(
            ["campaign_id", "to_version"],
            ["campaign_versions.campaign_id", "campaign_versions.version"],
        ),
        CheckConstraint("moved >= 0", name="moved_not_negative"),
    )

    id: str = Field(primary_key=True)
    campaign_id: str = Field(index=True)
    to_version: int
    shown: dict[str, int] = document(nullable=False)
    shown_at: datetime = instant()
    shown_to: str
    """The credential that asked for the preview."""
    reason: str | None = None
    actor: str | None = None
    moved: int = 0
    started_at: datetime | None = instant(nullable=True)
    done_at: datetime | None = instant(nullable=True)
