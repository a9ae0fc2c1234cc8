"""The ledger's seals."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ARRAY, BigInteger, Column, LargeBinary
from sqlmodel import Field, SQLModel

from store.tables.columns import instant


class LedgerSeal(SQLModel, table=True):
    """One block of the chain over the ledger's entries; a domain.seals.Block."""

    __tablename__ = "ledger_seals"

    number: int = Field(primary_key=True, sa_type=BigInteger)
    from_xid: int = Field(sa_type=BigInteger)
    to_xid: int = Field(sa_type=BigInteger)
    seqs: list[int] = Field(sa_column=Column(ARRAY(BigInteger), nullable=False))
    digests: bytes = Field(sa_type=LargeBinary)
    previous: bytes = Field(sa_type=LargeBinary)
    hash: bytes = Field(sa_type=LargeBinary)
    sealed_at: datetime = instant()
