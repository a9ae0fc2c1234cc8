"""The books checked against one another: grants, orders, ledger, budget counters, wallets."""

from __future__ import annotations

from bench.proofs.books import balances, disagreements
from store.database import Database

__all__ = ["assert_books_agree", "balances"]


async def assert_books_agree(database: Database) -> None:
    """Invariants 4 and 5: the ledger sums to zero, and its balances, the budget's counters and
    the grants with their orders say the same."""
    found = await disagreements(database)
    assert found == [], found
