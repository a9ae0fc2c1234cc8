"""Balances and transactions of the ledger.

A balance is the stored sum of `store.ledger.rollup` plus the entries after it. So it is always
exact, and reads few rows however many there are.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, TextClause, select, text, tuple_
from sqlmodel import col

from domain.ids import Prefix
from store.database import ReadSession
from store.ledger.sums import FRESH, entries_now, entries_then, instant
from store.lists.births import ids_born
from store.lists.pages import CHUNK, Between, Page, Window, read_page
from store.tables import LedgerEntry


class Balance(NamedTuple):
    """The balance of one account in one currency, in minor units (or points)."""

    account: str
    currency: str
    balance: int


class Which(NamedTuple):
    """Which balances: `account` is a prefix of account names, `at` a past instant; up to `limit`
    after the pair `after`.
    """

    limit: int = 100
    after: tuple[str, str] | None = None
    account: str | None = None
    at: datetime | None = None


# The sums come in the order of their key, so a page stops reading at its end.
_NARROW = """
    (CAST(:begins AS text) IS NULL OR account LIKE :begins)
    AND (CAST(:name AS text) IS NULL OR (account, currency) > (:name, :unit))
"""
_NOW, _THEN = entries_now(_NARROW), entries_then(_NARROW)
_PAGE_NOW = f"""
    SELECT * FROM (
        SELECT account, currency, amount FROM account_sums WHERE {_NARROW}
        ORDER BY account, currency LIMIT :most
    ) AS summed
    UNION ALL
    SELECT account, currency, amount FROM ledger_entries WHERE {FRESH} AND {_NARROW}
"""


def _grouped(parts: str) -> TextClause:
    return text(
        f"""
        SELECT account, currency, CAST(sum(amount) AS bigint) FROM ({parts}) AS parts
        GROUP BY account, currency ORDER BY account, currency LIMIT :most
        """
    )


# Counted separately: a summed account occurs once, so only the new entries need DISTINCT.
_COUNT_NOW = text(
    f"""
    SELECT (SELECT count(*) FROM account_sums WHERE {_NARROW}) + (
        SELECT count(*) FROM (
            SELECT DISTINCT account, currency FROM ledger_entries WHERE {FRESH} AND {_NARROW}
        ) AS fresh
        WHERE NOT EXISTS (
            SELECT 1 FROM account_sums AS summed
            WHERE summed.account = fresh.account AND summed.currency = fresh.currency
        )
    )
    """
)
_COUNT_THEN = text(
    f"SELECT count(*) FROM (SELECT DISTINCT account, currency FROM ({_THEN}) AS p) AS d"
)


def _summed(parts: str) -> TextClause:
    return text(
        f"""
        SELECT currency, CAST(sum(amount) AS bigint) FROM ({parts}) AS parts
        GROUP BY currency ORDER BY currency
        """
    )


async def balances(session: ReadSession, which: Which) -> tuple[list[Balance], int, bool]:
    """By account and currency, sorted; their number, and whether more follow the page."""
    given = _parameters(which)
    page = _grouped(_THEN if which.at else _PAGE_NOW)
    found = await session.execute(page, given | {"most": which.limit + 1})
    rows = [Balance(*row) for row in found]
    everywhere = given | {"name": None, "unit": None}
    total = await session.scalar(_COUNT_THEN if which.at else _COUNT_NOW, everywhere)
    return rows[: which.limit], total or 0, len(rows) > which.limit


async def totals(session: ReadSession, at: datetime | None = None) -> dict[str, int]:
    """The sum of all entries per currency. Anything but zero is an error."""
    summed = _summed(_THEN if at else _NOW)
    found = await session.execute(summed, _parameters(Which(at=at)))
    return {currency: total for currency, total in found}


def _parameters(which: Which) -> dict[str, Any]:
    name, unit = which.after or (None, None)
    begins = None if which.account is None else f"{_literal(which.account)}%"
    given: dict[str, Any] = {"begins": begins, "name": name, "unit": unit}
    if which.at:
        given |= instant(which.at)
    return given


def _literal(name: str) -> str:
    """Without LIKE's wildcards, because ids contain underscores."""
    return name.replace("\\", "\\\\").replace("_", "\\_").replace("%", "\\%")


class Filters(NamedTuple):
    """Which transactions. `account` is a prefix of account names."""

    account: str | None = None
    kind: str | None = None
    subject: str | None = None
    since: datetime | None = None
    until: datetime | None = None


async def transactions(
    session: ReadSession, window: Window, filters: Filters
) -> tuple[list[list[LedgerEntry]], Page]:
    """Whole transactions with a matching entry, newest first, each with all its entries."""
    ids = select(col(LedgerEntry.transaction_id)).where(*_conditions(filters)).distinct()
    since = Between(after=filters.since)
    ids = ids.where(*ids_born(col(LedgerEntry.transaction_id), Prefix.TRANSACTION, since))
    found = await read_page(session, ids, col(LedgerEntry.transaction_id), window)
    return await _entries_of(session, [row[0] for row in found.rows]), found


async def chunk(
    session: ReadSession, after: LedgerEntry | None, filters: Filters
) -> list[LedgerEntry]:
    """Some entries that match, oldest first: those behind `after`. Empty at the end. Transaction
    by transaction: one that is committed meanwhile is in all chunks together whole, or not at
    all."""
    place = tuple_(col(LedgerEntry.transaction_id), col(LedgerEntry.seq))
    statement = select(LedgerEntry).where(*_conditions(filters)).order_by(*place).limit(CHUNK)
    if after is not None:
        statement = statement.where(place > tuple_(after.transaction_id, after.seq))
    return list(await session.scalars(statement))


def _conditions(filters: Filters) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if filters.account is not None:
        conditions.append(col(LedgerEntry.account).startswith(filters.account, autoescape=True))
    if filters.kind is not None:
        conditions.append(col(LedgerEntry.kind) == filters.kind)
    if filters.subject is not None:
        conditions.append(col(LedgerEntry.subject) == filters.subject)
    if filters.since is not None:
        conditions.append(col(LedgerEntry.at) >= filters.since)
    if filters.until is not None:
        conditions.append(col(LedgerEntry.at) < filters.until)
    return conditions


async def _entries_of(session: ReadSession, ids: list[str]) -> list[list[LedgerEntry]]:
    found = await session.scalars(
        select(LedgerEntry)
        .where(col(LedgerEntry.transaction_id).in_(ids))
        .order_by(col(LedgerEntry.seq))
    )
    by_id: dict[str, list[LedgerEntry]] = {id: [] for id in ids}
    for entry in found:
        by_id[entry.transaction_id].append(entry)
    return list(by_id.values())
