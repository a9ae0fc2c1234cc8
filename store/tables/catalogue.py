"""What each provider sells, as it said last."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import Field, SQLModel

from store.tables.columns import document, instant


class Catalogue(SQLModel, table=True):
    """A provider's products. After `expires_at` they are fetched again; until that has worked they
    go on being used."""

    __tablename__ = "catalogues"

    provider: str = Field(primary_key=True)
    products: list[dict[str, Any]] = document(nullable=False)
    fetched_at: datetime = instant()
    expires_at: datetime = instant()
