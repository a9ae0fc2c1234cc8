"""Reusable rewards, the secrets that callouts are signed with, and what was made of grants."""

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
    """What callouts are signed with, encrypted; the row's id is associated data."""

    __tablename__ = "signing_secrets"

    id: str = Field(primary_key=True)
    ciphertext: bytes = Field(sa_type=LargeBinary)
    created_at: datetime = instant()
