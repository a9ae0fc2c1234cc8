"""The ledger's transactions, each with its entries.

A page is found by an index that begins with the filter and ends with the transaction's id, which
sorts by time."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, func, literal, select, text, tuple_
from sqlmodel import col

from domain.ids import Prefix
from store.database import ReadSession
from store.ledger.sums import FRESH
from store.lists.births import ids_born
from store.lists.estimates import estimated_rows
from store.lists.pages import CHUNK, EXACT, AnySelect, Between, Page, Window, read_page
from store.tables import LedgerEntry

_FEW = 20
"""Accounts that are looked up one by one."""
_ACCOUNTS = text(
    f"""
    SELECT account FROM (
        SELECT * FROM (
            SELECT DISTINCT account FROM account_sums
            WHERE account >= :begins AND account < :ends LIMIT {_FEW + 1}
        ) AS summed
        UNION
        SELECT account FROM ledger_entries
        WHERE {FRESH} AND account >= :begins AND account < :ends
    ) AS named LIMIT {_FEW + 1}"""
)


class Filters(NamedTuple):
    """Which transactions. `account` is the beginning of the accounts' names."""

    account: str | None = None
    kind: str | None = None
    subject: str | None = None
    since: datetime | None = None
    until: datetime | None = None


async def transactions(
    session: ReadSession, window: Window, filters: Filters
) -> tuple[list[list[LedgerEntry]], Page]:
    """Whole transactions of which an entry matches, newest first, each with all its entries."""
    ids = select(col(LedgerEntry.transaction_id)).distinct()
    since = Between(after=filters.since)
    narrowed = ids.where(
        *_conditions(filters._replace(account=None)),
        *ids_born(col(LedgerEntry.transaction_id), Prefix.TRANSACTION, since),
    )
    ways, estimate = await _of_account(session, narrowed, filters.account)
    key = col(LedgerEntry.transaction_id)
    found = await read_page(session, ids, key, window, ways=ways, estimate=estimate)
    return await _entries_of(session, [row[0] for row in found.rows]), found


async def _of_account(
    session: ReadSession, ids: AnySelect, begins: str | None
) -> tuple[list[AnySelect], int | None]:
    """A few accounts are looked up one by one. Of many accounts, rare ones are collected by the
    index; frequent ones are soon met in the order of the list, and are not counted."""
    if begins is None:
        return [ids], None
    account = col(LedgerEntry.account)
    ends = begins + "\U0010ffff"
    names = list(await session.scalars(_ACCOUNTS, {"begins": begins, "ends": ends}))
    if len(names) <= _FEW:
        return [ids.where(account == name) for name in names or [begins]], None
    gathered = ids.where(account >= begins, account < ends)
    expected = await estimated_rows(session, gathered)
    if expected <= EXACT:
        return [gathered], None
    # The concatenation keeps the planner from using the index for this condition.
    unindexed = func.concat(account, "").collate("C")
    return [ids.where(unindexed >= literal(begins), unindexed < literal(ends))], expected


async def chunk(
    session: ReadSession, after: LedgerEntry | None, filters: Filters
) -> list[LedgerEntry]:
    """Matching entries, oldest first, starting after `after`. Empty at the end. Chunks end between
    transactions: a transaction that is committed meanwhile is in the chunks whole, or not at
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
