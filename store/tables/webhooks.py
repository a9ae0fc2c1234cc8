"""Outgoing webhooks and their positions."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel

from store.tables.columns import document, instant


class Webhook(SQLModel, table=True):
    """An address that events are sent to, one after the other. `xid` and `seq` are the position:
    they move when the receiver has accepted an event."""

    __tablename__ = "webhooks"

    id: str = Field(primary_key=True)
    url: str
    events: list[str] = document(nullable=False)
    """Patterns of event types."""
    active: bool = Field(default=True, sa_column_kwargs={"server_default": "true"})
    """If not, nothing is sent, and the position stays."""
    secret_id: str = Field(foreign_key="signing_secrets.id")
    xid: int = Field(sa_type=BigInteger)
    seq: int = Field(sa_type=BigInteger)
    created_at: datetime = instant()
    updated_at: datetime | None = instant(nullable=True)
    read_at: datetime | None = instant(nullable=True)
    """When a worker last served it."""
    last_success_at: datetime | None = instant(nullable=True)
    failing_since: datetime | None = instant(nullable=True)
    last_attempt_at: datetime | None = instant(nullable=True)
    failures: int = 0
    """Attempts in a row that the receiver has not accepted."""
    failure: str | None = None
    """The error of the last of them."""
