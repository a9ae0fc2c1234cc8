"""Collects a transaction's budget changes for its last statements."""

from __future__ import annotations

from collections import Counter

from domain.money import Money
from store.database import Transaction
from store.ledger import budgets


class BudgetChanges:
    """Changes to one campaign's counters. `apply` comes last, because the whole campaign shares the
    row."""

    def __init__(self, campaign_id: str) -> None:
        self._campaign_id = campaign_id
        self._reserved: Counter[str] = Counter()
        self._committed: Counter[str] = Counter()

    def reserve(self, money: Money) -> None:
        """Reserve more (or, below zero, less) for grants that are not issued yet."""
        self._reserved[money.currency] += money.amount

    def commit(self, money: Money) -> None:
        """More (or less) was issued."""
        self._committed[money.currency] += money.amount

    async def apply(self, tx: Transaction) -> None:
        """Write the facts, then the counters, in a fixed order of currencies."""
        await tx.session.flush()
        await tx.write_facts()
        for currency in sorted(self._reserved.keys() | self._committed.keys()):
            await budgets.shift(
                tx,
                self._campaign_id,
                currency,
                reserved=self._reserved[currency],
                committed=self._committed[currency],
            )
