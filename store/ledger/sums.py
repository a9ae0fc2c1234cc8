"""SQL for balances: `store.ledger.rollup`'s sums plus the entries after them.

Always exact, and few rows however many entries there are."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

# The other bound makes the planner expect few rows. Of one alone it expects a third of the table,
# and reads all entries of an account rather than the few that are fresh.
FRESH = """(xid >= (SELECT coalesce(max(xid), 0) FROM sum_horizon)
            AND xid < 9223372036854775807)"""
"""Entries that `store.ledger.rollup` has not summed yet."""


def entries_now(which: str) -> str:
    """SQL of (account, currency, amount); their sums are today's balances of the accounts that
    match the condition `which`."""
    return f"""
    SELECT account, currency, amount FROM account_sums WHERE {which}
    UNION ALL
    SELECT account, currency, amount FROM ledger_entries WHERE {FRESH} AND {which}
    """


def entries_then(which: str) -> str:
    """The same for a past instant, with the parameters of `instant`."""
    return f"""
    SELECT account, currency, amount FROM account_days WHERE day < :day AND {which}
    UNION ALL
    SELECT account, currency, amount FROM ledger_entries
    WHERE at >= :midnight AND at < :at AND NOT {FRESH} AND {which}
    UNION ALL
    SELECT account, currency, amount FROM ledger_entries WHERE {FRESH} AND at < :at AND {which}
    """


def instant(at: datetime) -> dict[str, Any]:
    """The parameters of `entries_then`: whole days are summed, of the last one entries are read."""
    at = at.astimezone(UTC)
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    return {"at": at, "midnight": midnight, "day": at.date()}
