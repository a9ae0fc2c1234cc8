"""Balances of the ledger.

A balance is the stored sum of `store.ledger.rollup` plus the entries after it. So it is always
exact, and reads few rows however many there are."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import TextClause, text

from store.database import ReadSession
from store.ledger.sums import FRESH, instant
from store.lists.estimates import estimates
from store.lists.pages import EXACT

_LAST = "\U0010ffff"
"""Behind every name."""


class Balance(NamedTuple):
    """The balance of one account in one currency, in minor units (or points)."""

    account: str
    currency: str
    balance: int


class BalancePage(NamedTuple):
    """Some of them, how many there are in all, and whether more follow."""

    rows: list[Balance]
    total: int
    has_more: bool
    total_exact: bool


class Which(NamedTuple):
    """Which balances: `account` is a prefix of account names, `at` a past instant; up to `limit`
    after the pair `after`."""

    limit: int = 100
    after: tuple[str, str] | None = None
    account: str | None = None
    at: datetime | None = None


# A range, as the sums' key is sorted: a page stops reading at its end.
_NARROW = "account >= :begins AND account < :ends AND (account, currency) > (:name, :unit)"
_SUMMED = f"SELECT account, currency, amount FROM account_sums WHERE {_NARROW}"
_SUMMED_THEN = f"""
    SELECT account, currency, CAST(sum(amount) AS bigint) AS amount FROM account_days
    WHERE day < :day AND {_NARROW} GROUP BY account, currency"""
_SINCE = "SELECT account, currency, amount FROM ledger_entries"
_FRESH = f"{_SINCE} WHERE {FRESH} AND {_NARROW}"
_FRESH_THEN = f"""
    {_SINCE} WHERE at >= :midnight AND at < :at AND NOT {FRESH} AND {_NARROW}
    UNION ALL {_SINCE} WHERE {FRESH} AND at < :at AND {_NARROW}"""


def _page(summed: str, fresh: str) -> TextClause:
    return text(
        f"""
        SELECT account, currency, CAST(sum(amount) AS bigint) FROM (
            SELECT * FROM ({summed} ORDER BY account, currency LIMIT :most) AS summed
            UNION ALL {fresh}
        ) AS parts
        GROUP BY account, currency ORDER BY account, currency LIMIT :most"""
    )


def _count(summed: str, fresh: str) -> TextClause:
    """Up to one more than what is counted exactly."""
    return text(
        f"""
        SELECT count(*) FROM (
            SELECT account, currency FROM ({summed} LIMIT {EXACT + 1}) AS summed
            UNION
            SELECT account, currency FROM ({fresh}) AS fresh
        ) AS counted"""
    )


_PAGE, _PAGE_THEN = _page(_SUMMED, _FRESH), _page(_SUMMED_THEN, _FRESH_THEN)
_COUNT, _COUNT_THEN = _count(_SUMMED, _FRESH), _count(_SUMMED_THEN, _FRESH_THEN)
_TOTALS = text(
    f"""
    SELECT currency, CAST(sum(amount) AS bigint) FROM (
        SELECT currency, amount FROM currency_days
        UNION ALL SELECT currency, amount FROM ledger_entries WHERE {FRESH}
    ) AS parts GROUP BY currency ORDER BY currency"""
)
_TOTALS_THEN = text(
    f"""
    SELECT currency, CAST(sum(amount) AS bigint) FROM (
        SELECT currency, amount FROM currency_days WHERE day < :day
        UNION ALL SELECT currency, amount FROM ledger_entries
        WHERE at >= :midnight AND at < :at AND NOT {FRESH}
        UNION ALL SELECT currency, amount FROM ledger_entries WHERE {FRESH} AND at < :at
    ) AS parts GROUP BY currency ORDER BY currency"""
)


async def balances(session: ReadSession, which: Which) -> BalancePage:
    """By account and currency in their own order."""
    given = _parameters(which)
    page = _PAGE_THEN if which.at else _PAGE
    found = await session.execute(page, given | {"most": which.limit + 1})
    rows = [Balance(*row) for row in found]
    total, exact = await _total(session, which, given | {"name": "", "unit": ""})
    return BalancePage(rows[: which.limit], total, len(rows) > which.limit, exact)


async def _total(session: ReadSession, which: Which, given: dict[str, Any]) -> tuple[int, bool]:
    counted = int(await session.scalar(_COUNT_THEN if which.at else _COUNT, given) or 0)
    if counted <= EXACT:
        return counted, True
    narrow = {name: given[name] for name in ("begins", "ends", "name", "unit")}
    (expected,) = await estimates(session, [_SUMMED], narrow)
    return max(expected, counted), False


async def totals(session: ReadSession, at: datetime | None = None) -> dict[str, int]:
    """The sum of all entries per currency. Anything but zero is an error."""
    found = await session.execute(_TOTALS_THEN if at else _TOTALS, instant(at) if at else {})
    return {currency: total for currency, total in found}


def _parameters(which: Which) -> dict[str, Any]:
    name, unit = which.after or ("", "")
    begins = which.account or ""
    given: dict[str, Any] = {"begins": begins, "ends": begins + _LAST, "name": name, "unit": unit}
    return given | (instant(which.at) if which.at else {})
