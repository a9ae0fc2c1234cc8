"""What balances are summed from: `store.ledger.rollup`'s sums, and the entries it has not seen yet.

Exact at every moment, and few rows however many entries there are.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

FRESH = "xid >= (SELECT coalesce(max(xid), 0) FROM sum_horizon)"
"""What `store.ledger.rollup` has not seen yet."""


def entries_now(which: str) -> str:
    """SQL of (account, currency, amount) whose sums are today's balances of the accounts that
    meet the condition `which`."""
    return f"""
    SELECT account, currency, amount FROM account_sums WHERE {which}
    UNION ALL
    SELECT account, currency, amount FROM ledger_entries WHERE {FRESH} AND {which}
    """


def entries_then(which: str) -> str:
    """The same as of a past instant, which `instant` makes parameters of."""
    return f"""
    SELECT account, currency, amount FROM account_days WHERE day < :day AND {which}
    UNION ALL
    SELECT account, currency, amount FROM ledger_entries
    WHERE at >= :midnight AND at < :at AND NOT {FRESH} AND {which}
    UNION ALL
    SELECT account, currency, amount FROM ledger_entries WHERE {FRESH} AND at < :at AND {which}
    """


def instant(at: datetime) -> dict[str, Any]:
    """What `entries_then` asks by: whole days are summed, of the last one entries are read."""
    at = at.astimezone(UTC)
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    return {"at": at, "midnight": midnight, "day": at.date()}
