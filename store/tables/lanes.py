"""Provider lanes that are stopped."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, SQLModel

from domain.grants import Attention
from store.tables.columns import instant, one_of


class Lane(SQLModel, table=True):
    """A provider that refuses every order at the moment. The row is gone once one got through.
    `probe_at`: when a single order may try next."""

    __tablename__ = "lanes"
    __table_args__ = (one_of("attention", Attention),)

    provider: str = Field(primary_key=True)
    attention: str
    detail: str
    since: datetime = instant()
    probe_at: datetime = instant()
