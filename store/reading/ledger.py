"""Balances: sums of the ledger's entries."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import BigInteger, cast, func, select, tuple_
from sqlmodel import col

from store.database import ReadSession
from store.tables import LedgerEntry


class Balance(NamedTuple):
    """What one account holds in one currency, minor units (or points)."""

    account: str
    currency: str
    balance: int


async def balances(
    session: ReadSession, *, limit: int, after: tuple[str, str] | None, account: str | None
) -> tuple[list[Balance], int, bool]:
    """By account and currency in their own order, after the pair `after`; how many there are in
    all, and whether more follow. `account` is the beginning of the accounts' names."""
    grouped = select(
        col(LedgerEntry.account),
        col(LedgerEntry.currency),
        cast(func.sum(LedgerEntry.amount), BigInteger),
    ).group_by(col(LedgerEntry.account), col(LedgerEntry.currency))
    if account is not None:
        grouped = grouped.where(col(LedgerEntry.account).startswith(account, autoescape=True))
    total = await session.scalar(select(func.count()).select_from(grouped.subquery()))
    if after is not None:
        pair = tuple_(col(LedgerEntry.account), col(LedgerEntry.currency))
        grouped = grouped.where(pair > after)
    ordered = grouped.order_by(col(LedgerEntry.account), col(LedgerEntry.currency))
    rows = [Balance(*row) for row in await session.execute(ordered.limit(limit + 1))]
    return rows[:limit], total or 0, len(rows) > limit


async def totals(session: ReadSession) -> dict[str, int]:
    """The sum of all entries per currency. Zero, or something is wrong."""
    statement = (
        select(col(LedgerEntry.currency), cast(func.sum(LedgerEntry.amount), BigInteger))
        .group_by(col(LedgerEntry.currency))
        .order_by(col(LedgerEntry.currency))
    )
    return {currency: total for currency, total in await session.execute(statement)}
