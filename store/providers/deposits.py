"""Payments by finance into our deposits at providers."""

from __future__ import annotations

from sqlalchemy import select, text
from sqlmodel import col

from domain import ledger
from domain.money import Money
from domain.repeats import Content, Kind, must_say_the_same, trimmed
from store.database import ReadSession, Transaction
from store.ledger.balances import Which, balances
from store.tables import LedgerEntry

_LOCK = text("SELECT pg_advisory_xact_lock(hashtext(:name))")


async def add(tx: Transaction, provider: str, reference: str, money: Money, *, actor: str) -> None:
    """Book a payment, once per provider and reference. A repeat changes nothing; with another
    amount it raises IdentityReused."""
    posting = ledger.deposit(provider, trimmed(reference), money)
    # Concurrent calls take turns, so that the second finds the first.
    await tx.session.execute(_LOCK, {"name": posting.subject})
    # References booked before spaces were trimmed still contain them.
    spelt = ledger.deposit(provider, reference, money).subject
    booked = await _booked(tx, {posting.subject, spelt})
    if booked is None:
        tx.post(posting)
        tx.record(
            "ledger.deposit",
            f"Deposit at {provider} topped up",
            detail=str(money),
            source="staff",
            actor=actor,
            data={"provider": provider, "reference": reference},
        )
    else:
        content = Content(amount=money.amount, currency=money.currency)
        must_say_the_same(Kind.DEPOSIT, reference, booked.model_dump(), content)


async def balance(session: ReadSession, provider: str, currency: str) -> int:
    """The balance of our deposit at a provider, according to the ledger."""
    account = ledger.deposit_of(provider)
    found = (await balances(session, Which(account=account))).rows
    return sum(b.balance for b in found if (b.account, b.currency) == (account, currency))


async def _booked(tx: Transaction, subjects: set[str]) -> Money | None:
    statement = select(LedgerEntry).where(
        col(LedgerEntry.kind) == "deposit",
        col(LedgerEntry.subject).in_(subjects),
        col(LedgerEntry.amount) > 0,
    )
    entry = (await tx.session.scalars(statement.limit(1))).one_or_none()
    return Money(amount=entry.amount, currency=entry.currency) if entry else None
