"""Validation rules, where they are assigned, and segments of customers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from domain.segments import SegmentType
from store.tables.columns import document, instant, one_of


class ValidationRule(SQLModel, table=True):
    """A rule as it is now. Campaign versions hold copies."""

    __tablename__ = "validation_rules"

    id: str = Field(primary_key=True)
    name: str | None = None
    rules: dict[str, Any] = document(nullable=False)
    error: dict[str, Any] | None = document(default=None, nullable=True)
    type: str = "expression"
    context_type: str = "global"
    created_at: datetime = instant()
    updated_at: datetime | None = instant(nullable=True)


class RuleAssignment(SQLModel, table=True):
    """A rule that is part of a campaign's current terms."""

    __tablename__ = "rule_assignments"
    __table_args__ = (UniqueConstraint("rule_id", "campaign_id"),)

    id: str = Field(primary_key=True)
    rule_id: str = Field(foreign_key="validation_rules.id")
    campaign_id: str = Field(foreign_key="campaigns.id", index=True)
    created_at: datetime = instant()


class Segment(SQLModel, table=True):
    """A group of customers: listed, or defined by a filter."""

    __tablename__ = "segments"
    __table_args__ = (one_of("type", SegmentType),)

    id: str = Field(primary_key=True)
    name: str
    type: str
    filter: dict[str, Any] | None = document(default=None, nullable=True)
    created_at: datetime = instant()
    updated_at: datetime | None = instant(nullable=True)


class SegmentMember(SQLModel, table=True):
    """A customer listed in a static segment."""

    __tablename__ = "segment_members"

    segment_id: str = Field(primary_key=True, foreign_key="segments.id")
    customer_id: str = Field(primary_key=True, foreign_key="customers.id", index=True)


class RefereeMark(SQLModel, table=True):
    """A hash of a counted friend's e-mail, phone or address: the first friend in a campaign claims
    the mark, and the next one with it is recognised. Replaced by an ErasedMark when the customer is
    erased."""

    __tablename__ = "referee_marks"

    campaign_id: str = Field(primary_key=True, foreign_key="campaigns.id")
    mark: str = Field(primary_key=True)
    customer_id: str = Field(foreign_key="customers.id", index=True)
