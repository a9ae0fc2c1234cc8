"""The books checked against one another: grants, orders, ledger, budget counters."""

from __future__ import annotations

from collections import Counter

from builders import rows

from domain.grants import GrantStatus
from domain.orders import OrderState
from store.database import Database
from store.tables import Budget, Grant, LedgerEntry, Order

_OWES_NOTHING = {GrantStatus.CANCELLED, GrantStatus.FAILED}


async def balances(database: Database) -> Counter[tuple[str, str]]:
    """What the ledger says of each (account, currency), minor units."""
    totals: Counter[tuple[str, str]] = Counter()
    for entry in await rows(database, LedgerEntry):
        totals[entry.account, entry.currency] += entry.amount
    return totals


async def assert_books_agree(database: Database) -> None:
    """Invariants 4 and 5: the ledger sums to zero, and its balances, the budget's counters and
    the grants with their orders say the same."""
    await _assert_ledger_sums_to_zero(database)
    ledger = await balances(database)
    owed = await _owed(database)
    for budget in await rows(database, Budget):
        at = {
            part: ledger[f"campaign/{budget.campaign_id}/{part}", budget.currency]
            for part in ("available", "reserved", "committed", "spent")
        }
        assert min(at["reserved"], at["committed"], at["spent"]) >= 0, at
        assert at["reserved"] == budget.reserved
        assert at["committed"] + at["spent"] == budget.committed
        assert sum(at.values()) == (budget.ceiling or 0), at
        if budget.ceiling is not None:
            assert at["available"] >= 0, at
        assert owed["reserved", budget.campaign_id, budget.currency] == budget.reserved
        assert owed["issued", budget.campaign_id, budget.currency] == budget.committed


async def _assert_ledger_sums_to_zero(database: Database) -> None:
    sums: Counter[tuple[str, str]] = Counter()
    for entry in await rows(database, LedgerEntry):
        sums[entry.transaction_id, entry.currency] += entry.amount
    assert not any(sums.values())


async def _owed(database: Database) -> Counter[tuple[str, str, str]]:
    """Face values of the grants, (reserved or issued, campaign, currency)."""
    issued = {order.grant_id for order in await rows(database, Order, state=OrderState.ISSUED)}
    totals: Counter[tuple[str, str, str]] = Counter()
    for grant in await rows(database, Grant):
        if grant.currency is None:
            continue
        wallet = grant.kind == "gift_credits" and grant.status == GrantStatus.DELIVERED
        if grant.id in issued or wallet:
            totals["issued", grant.campaign_id, grant.currency] += grant.amount
        elif grant.status not in _OWES_NOTHING:
            totals["reserved", grant.campaign_id, grant.currency] += grant.amount
    return totals
