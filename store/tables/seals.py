"""The seals of the ledger and of the events."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, BigInteger, LargeBinary
from sqlmodel import Field, SQLModel

from store.tables.columns import instant

_NUMBERS: Any = ARRAY(BigInteger)


class _Seal(SQLModel):
    """One block of a chain; a domain.seals.Block. Never changed, never deleted."""

    number: int = Field(primary_key=True, sa_type=BigInteger)
    from_xid: int = Field(sa_type=BigInteger)
    to_xid: int = Field(sa_type=BigInteger)
    seqs: list[int] = Field(sa_type=_NUMBERS, nullable=False)
    digests: bytes = Field(sa_type=LargeBinary)
    previous: bytes = Field(sa_type=LargeBinary)
    hash: bytes = Field(sa_type=LargeBinary)
    sealed_at: datetime = instant()


class LedgerSeal(_Seal, table=True):
    """Over the ledger's entries."""

    __tablename__ = "ledger_seals"


class EventSeal(_Seal, table=True):
    """Over the events."""

    __tablename__ = "event_seals"
