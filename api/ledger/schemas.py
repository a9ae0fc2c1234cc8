"""Answers from the ledger."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from api.http.fields import FromRow, Reference, Strict, with_examples
from api.http.ids import CurrencyCode, GrantId, Minor, ProviderName
from api.http.lists import Listed
from domain.money import Currency
from domain.outgoing_csv import csv_text
from store.ledger.balances import Balance
from store.tables import LedgerEntry

MOST = 10**15
"""Minor units; no deposit is larger."""


class BalanceAnswer(BaseModel):
    """One account in one currency."""

    id: str = Field(examples=["campaign/camp_01jd/reserved|USD"])
    account: str = Field(examples=["campaign/camp_01jd/reserved"])
    currency: CurrencyCode
    balance: Minor = Field(description="Minor units; for the currency POINTS, points.")

    @classmethod
    def of(cls, balance: Balance) -> BalanceAnswer:
        return cls(id=f"{balance.account}|{balance.currency}", **balance._asdict())


class BalanceList(Listed[BalanceAnswer]):
    """Balances by account. `totals` sums every entry per currency: always zero."""

    totals: dict[str, int] = Field(examples=[{"USD": 0}])


class EntryAnswer(FromRow):
    """One side of a transaction."""

    account: str = Field(examples=["campaign/camp_01jd/reserved"])
    amount: Minor = Field(description="Minor units onto the account; negative: off it.")
    currency: CurrencyCode


class TransactionAnswer(BaseModel):
    """A balanced set of entries: per currency they sum to zero."""

    id: str = Field(examples=["txn_01jd3v5q8g6w2x4y7z9a1b3c5d"])
    object: Literal["ledger_transaction"] = "ledger_transaction"
    at: datetime
    kind: str = Field(examples=["reserve"])
    subject: GrantId = Field(description="What it is about; with `kind`, its identity.")
    corrects: str | None = Field(description="The transaction that it takes back: kind/subject.")
    entries: list[EntryAnswer] = Field(
        examples=[
            [
                {"account": "campaign/camp_01jd/available", "amount": -1500, "currency": "USD"},
                {"account": "campaign/camp_01jd/reserved", "amount": 1500, "currency": "USD"},
            ]
        ]
    )

    @classmethod
    def of(cls, entries: list[LedgerEntry]) -> TransactionAnswer:
        first = entries[0]
        return cls(
            id=first.transaction_id,
            entries=[EntryAnswer.model_validate(entry) for entry in entries],
            **first.model_dump(include={"at", "kind", "subject", "corrects"}),
        )


class TransactionList(Listed[TransactionAnswer]):
    """Transactions, newest first."""


class DepositIn(Strict):
    """Money that was paid into our deposit at a provider."""

    model_config = with_examples(
        {
            "provider": "giftcard-partners",
            "amount": 500000,
            "currency": "USD",
            "reference": "wire 2026-11-22/17",
        }
    )

    provider: str = Field(min_length=1, max_length=100)
    amount: int = Field(ge=1, le=MOST, description="Minor units.")
    currency: Currency
    reference: Reference = Field(
        description="The payment's own name. The same one again is not booked twice; with another "
        "amount it is refused.",
    )


class DepositAnswer(BaseModel):
    """The deposit's account after the posting."""

    object: Literal["deposit"] = "deposit"
    provider: ProviderName
    reference: str = Field(examples=["wire-2026-11-02"])
    amount: int = Field(examples=[500000])
    currency: CurrencyCode
    balance: int = Field(description="What the account holds now, minor units.", examples=[500000])


_COLUMNS = ("seq", "transaction_id", "at", "kind", "subject", "corrects")
_HEADER = (*_COLUMNS, "account", "amount", "currency")


def csv_lines(entries: list[LedgerEntry], *, header: bool) -> str:
    """Entries as CSV lines."""
    rows = (entry.model_dump(mode="json", include=set(_HEADER)) for entry in entries)
    return csv_text(_HEADER, rows, header=header)
