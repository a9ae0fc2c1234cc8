"""Staff requests. Their words, and corrected addresses, are stored here only: a workflow gets the
row's id."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, SQLModel

from domain.staff import Action
from store.tables.columns import instant, one_of


class StaffAction(SQLModel, table=True):
    """One request of a person, about a grant or a whole referral. It has one effect, however often
    it is sent."""

    __tablename__ = "staff_actions"
    __table_args__ = (one_of("action", Action),)

    id: str = Field(primary_key=True)
    action: str
    referral_id: str = Field(foreign_key="referrals.id", index=True)
    grant_id: str | None = Field(default=None, foreign_key="grants.id", index=True)
    """None: it is about the whole referral."""
    actor: str
    """The credential that asked."""
    reason: str | None = None
    evidence: str | None = None
    """How the person knows whether the card was issued."""
    email: str | None = None
    """The corrected address for the card; cleared when its person is erased."""
    issued: bool | None = None
    provider_order_id: str | None = None
    created_at: datetime = instant()
    done_at: datetime | None = instant(nullable=True)
    """When it was carried out, or found impossible."""
