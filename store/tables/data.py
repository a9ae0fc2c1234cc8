"""Data on its way in and out: asynchronous actions, what they still have to read, exports, and the
schemas of the callers' own data."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, text
from sqlmodel import Field, SQLModel

from store.tables.columns import document, instant


class AsyncAction(SQLModel, table=True):
    """Work that continues after the answer. Its counters change in the transactions that do the
    work, so they are always exact, also after a kill."""

    __tablename__ = "async_actions"
    __table_args__ = (
        Index("ix_async_actions_open", "created_at", postgresql_where=text("finished_at IS NULL")),
    )

    id: str = Field(primary_key=True)
    type: str
    """Voucherify's word, such as CUSTOMERS.IMPORT_CSV."""
    request_id: str | None = None
    digest: str | None = Field(default=None, unique=True)
    """Of the file that the command line reads: the same file continues where it stopped."""
    parameters: dict[str, Any] = document(default_factory=dict, nullable=False)
    """How the parts are read: the CSV's header."""
    total: int | None = None
    """Rows in all; None while a file is still being read."""
    done: int = 0
    """Processed rows, right or wrong."""
    created: int = 0
    updated: int = 0
    failed: int = 0
    failures: list[dict[str, Any]] = document(default_factory=list, nullable=False)
    """The first wrong rows: `row` (1 is the first below the header) and `message`."""
    position: int = Field(default=0, sa_type=BigInteger)
    """Bytes of the file that are processed."""
    created_at: datetime = instant()
    updated_at: datetime | None = instant(nullable=True)
    finished_at: datetime | None = instant(nullable=True)


class ActionPart(SQLModel, table=True):
    """Unprocessed rows of an action. Deleted in the transaction that processes them, because they
    contain personal data."""

    __tablename__ = "action_parts"

    action_id: str = Field(primary_key=True, foreign_key="async_actions.id")
    number: int = Field(primary_key=True)
    rows: list[Any] = document(nullable=False)


class Export(SQLModel, table=True):
    """A request for a CSV file. The file is written when it is fetched, never stored."""

    __tablename__ = "exports"

    id: str = Field(primary_key=True)
    exported_object: str
    parameters: dict[str, Any] = document(default_factory=dict, nullable=False)
    created_at: datetime = instant()


class MetadataSchema(SQLModel, table=True):
    """What the metadata of one resource must look like."""

    __tablename__ = "metadata_schemas"

    id: str = Field(primary_key=True)
    related_object: str = Field(unique=True)
    definition: dict[str, Any] = document(nullable=False)
    """A domain.schemas.Schema."""
    created_at: datetime = instant()
    updated_at: datetime | None = instant(nullable=True)
