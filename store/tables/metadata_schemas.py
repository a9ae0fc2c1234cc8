"""Schemas of the callers' own data."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import Field, SQLModel

from store.tables.columns import document, instant


class MetadataSchema(SQLModel, table=True):
    """What the metadata of one resource must look like."""

    __tablename__ = "metadata_schemas"

    id: str = Field(primary_key=True)
    related_object: str = Field(unique=True)
    definition: dict[str, Any] = document(nullable=False)
    """A domain.schemas.Schema."""
    created_at: datetime = instant()
    updated_at: datetime | None = instant(nullable=True)
