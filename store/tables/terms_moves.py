"""Moves of waiting referrals to another version of their campaign's terms."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKeyConstraint
from sqlmodel import Field, SQLModel

from store.tables.columns import document, instant


class TermsMove(SQLModel, table=True):
    """A move that was shown, and once it is done the record of it: who, why, from where, how
    many. `shown` holds how many referrals waited under each version when it was shown."""

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
    """The credential that asked."""
    reason: str | None = None
    actor: str | None = None
    moved: int = 0
    started_at: datetime | None = instant(nullable=True)
    done_at: datetime | None = instant(nullable=True)
