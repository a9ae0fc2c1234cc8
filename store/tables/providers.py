"""What each provider sells, as it said last, and whose lane is stopped."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import Field, SQLModel

from domain.grants import Attention
from store.tables.columns import document, instant, one_of


class Catalogue(SQLModel, table=True):
    """A provider's products. After `expires_at` they are fetched again, and used until that has
    succeeded."""

    __tablename__ = "catalogues"

    provider: str = Field(primary_key=True)
    products: list[dict[str, Any]] = document(nullable=False)
    fetched_at: datetime = instant()
    expires_at: datetime = instant()


class Lane(SQLModel, table=True):
    """A provider that refuses every order now. The row is deleted once one got through. `probe_at`:
    when a single order may try next."""

    __tablename__ = "lanes"
    __table_args__ = (one_of("attention", Attention),)

    provider: str = Field(primary_key=True)
    attention: str
    detail: str
    since: datetime = instant()
    probe_at: datetime = instant()
