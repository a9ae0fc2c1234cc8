"""Events and ledger entries. Append-only; both store the transaction id, so that a reader can
follow them without gaps. A person's own words are stored separately, where they can be erased."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Identity,
    Index,
    LargeBinary,
    UniqueConstraint,
    text,
)
from sqlmodel import Field, SQLModel

from store.tables.columns import account_name, document, instant


def _sequence() -> Any:
    return Field(
        default=None, sa_column=Column("seq", BigInteger, Identity(always=True), primary_key=True)
    )


def _transaction_id() -> Any:
    default = text("pg_current_xact_id()::text::bigint")
    return Field(
        default=None, sa_column=Column("xid", BigInteger, server_default=default, nullable=False)
    )


class Event(SQLModel, table=True):
    """One fact, in words and in data. Ids only: names are joined when it is read."""

    __tablename__ = "events"
    __table_args__ = (
        # A block of the seals takes transactions from 1 on: a smaller number would be left out.
        CheckConstraint("xid > 0", name="xid_is_sealed"),
        Index("ix_events_referral", "referral_id", "seq"),
        Index("ix_events_grant", "grant_id", "seq"),
        Index("ix_events_customer", "customer_id", "seq"),
        Index("ix_events_feed", "xid", "seq"),
        # A partial index: they are few, and counted whenever the metrics are read.
        Index(
            "ix_events_incidents", "type", postgresql_where=text("type = 'incident.double_order'")
        ),
        # The same, counted in the campaign's summary.
        Index(
            "ix_events_refused_publications",
            "campaign_id",
            postgresql_where=text("type = 'publication.failed'"),
        ),
    )

    seq: int | None = _sequence()
    xid: int | None = _transaction_id()
    at: datetime = instant()
    type: str
    source: str
    """engine, provider, staff or workflow."""
    title: str
    detail: str | None = None
    """Our own words. A person's words are in EventWords."""
    words_id: str | None = None
    """The row of EventWords with a person's words; deleted once that person is erased."""
    words_hash: bytes | None = Field(default=None, sa_type=LargeBinary)
    """SHA-256 of that row's key and words. It proves that the words were not changed; once the key
    is erased, guesses cannot be tested against it."""
    actor: str | None = None
    campaign_id: str | None = None
    referral_id: str | None = None
    grant_id: str | None = None
    order_id: str | None = None
    customer_id: str | None = None
    attempt: int | None = None
    data: dict[str, Any] = document(default_factory=dict, nullable=False)


class EventWords(SQLModel, table=True):
    """A person's words about an event: a reason, a finding. They may name somebody, so they can be
    erased."""

    __tablename__ = "event_words"

    id: str = Field(primary_key=True)
    key: bytes = Field(sa_type=LargeBinary)
    """32 random bytes, for the event's `words_hash`."""
    words: str


class LedgerEntry(SQLModel, table=True):
    """One side of a double entry. A transaction's entries sum to zero per currency."""

    __tablename__ = "ledger_entries"
    __table_args__ = (
        CheckConstraint("xid > 0", name="xid_is_sealed"),
        # By the subject first: evidence and reconciliation read its entries together.
        UniqueConstraint("subject", "kind", "account", "currency"),
        # Lists page by transaction, whatever they are narrowed to.
        Index("ix_ledger_entries_account_page", "account", "transaction_id"),
        Index("ix_ledger_entries_kind_page", "kind", "transaction_id"),
        # With the time: transactions of a period are counted without a look at the table.
        Index("ix_ledger_entries_page", "transaction_id", postgresql_include=["at"]),
        # Small and sufficient, because entries are stored in the order in which they were written.
        Index("ix_ledger_entries_xid", "xid", postgresql_using="brin"),
        Index("ix_ledger_entries_at", "at", postgresql_using="brin"),
    )

    seq: int | None = _sequence()
    xid: int | None = _transaction_id()
    transaction_id: str
    at: datetime = instant()
    kind: str
    subject: str
    account: str = account_name()
    amount: int = Field(sa_type=BigInteger)
    currency: str
    corrects: str | None = None
    """The posting that this one reverses, as kind/subject."""
