"""What each of the caller's identities said."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import Field, SQLModel

from store.tables.columns import document, instant


class Identity(SQLModel, table=True):
    """What the first request under one of the caller's own identities said, and what it led to.
    Never lapses. What was recorded before this table replays whatever is said."""

    __tablename__ = "identities"

    kind: str = Field(primary_key=True)
    """A word of domain.repeats.Kind."""
    name: str = Field(primary_key=True)
    """A hash of the identity and its scope."""
    content: dict[str, Any] = document(nullable=False)
    """The compared members; ids of people, nothing else of them."""
    result: list[str] = document(nullable=False)
    """Ids of what it led to."""
    created_at: datetime = instant()
