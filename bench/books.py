"""The books checked against one another: grants, orders, ledger, budget counters, wallets.

Reads PostgreSQL directly, behind the product's back. Each check answers sentences, one for each
thing that does not add up; none means that the books agree.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, TypeVar

from sqlalchemy import select
from sqlmodel import SQLModel

from domain import ledger
from domain.grants import GrantStatus
from domain.orders import OrderState
from store.database import Database
from store.tables import Budget, Grant, LedgerEntry, Order

Row = TypeVar("Row", bound=SQLModel)
Balances = Counter[tuple[str, str]]
"""Minor units (or points) by (account, currency)."""

_OWES_NOTHING = {GrantStatus.CANCELLED, GrantStatus.FAILED}
_WALLETS = {"gift_credits", "loyalty_points"}


async def balances(database: Database) -> Balances:
    """What the ledger says of each account."""
    totals: Balances = Counter()
    for entry in await rows(database, LedgerEntry):
        totals[entry.account, entry.currency] += entry.amount
    return totals


async def disagreements(database: Database) -> list[str]:
    """Invariants 4 and 5: the ledger sums to zero, and its balances, the budget's counters and
    the grants with their orders say the same."""
    said = await balances(database)
    grants, orders = await rows(database, Grant), await rows(database, Order)
    found = await _unbalanced(database)
    owed = _owed(grants, orders)
    for budget in await rows(database, Budget):
        found += _budget(budget, said, owed)
    found += _compare("wallet", _wallets(grants), _part(said, "wallet/"))
    found += _compare("cards", _cards(orders), _part(said, "provider/", "/cards"))
    return found


async def _unbalanced(database: Database) -> list[str]:
    sums: Balances = Counter()
    for entry in await rows(database, LedgerEntry):
        sums[entry.transaction_id, entry.currency] += entry.amount
    return [f"ledger transaction {key[0]} sums to {sums[key]} {key[1]}" for key in +sums + -sums]


def _budget(budget: Budget, said: Balances, owed: Counter[tuple[str, str, str]]) -> list[str]:
    where = f"budget of {budget.campaign_id} in {budget.currency}"
    at = {
        part: said[ledger.budget(budget.campaign_id, part), budget.currency]
        for part in ("available", "reserved", "committed", "spent")
    }
    key = (budget.campaign_id, budget.currency)
    pairs = {
        "reserved by the ledger": (at["reserved"], budget.reserved),
        "committed and spent by the ledger": (at["committed"] + at["spent"], budget.committed),
        "all parts by the ledger": (sum(at.values()), budget.ceiling or 0),
        "owed by open grants": (owed["reserved", *key], budget.reserved),
        "issued by orders and wallets": (owed["issued", *key], budget.committed),
    }
    found = [
        f"{where}: {what} is {one}, the counter says {other}"
        for what, (one, other) in pairs.items()
        if one != other
    ]
    if min(at["reserved"], at["committed"], at["spent"]) < 0:
        found.append(f"{where}: a part is negative: {at}")
    if budget.ceiling is not None and at["available"] < 0:
        found.append(f"{where}: overshot by {-at['available']}")
    return found


def _owed(grants: list[Grant], orders: list[Order]) -> Counter[tuple[str, str, str]]:
    """Face values of the grants, by (reserved or issued, campaign, currency)."""
    issued = {order.grant_id for order in orders if order.state == OrderState.ISSUED}
    totals: Counter[tuple[str, str, str]] = Counter()
    for grant in grants:
        if grant.currency is None:
            continue
        wallet = grant.kind == "gift_credits" and grant.status == GrantStatus.DELIVERED
        if grant.id in issued or wallet:
            totals["issued", grant.campaign_id, grant.currency] += grant.amount
        elif grant.status not in _OWES_NOTHING:
            totals["reserved", grant.campaign_id, grant.currency] += grant.amount
    return totals


def _wallets(grants: list[Grant]) -> Balances:
    """What persons' wallets should hold."""
    totals: Balances = Counter()
    for grant in grants:
        if grant.kind in _WALLETS and grant.status == GrantStatus.DELIVERED:
            totals[f"wallet/{grant.recipient_id}", grant.currency or ledger.POINTS] += grant.amount
    return totals


def _cards(orders: list[Order]) -> Balances:
    """What was bought at each provider, whether or not it was taken back later."""
    totals: Balances = Counter()
    for order in orders:
        if order.issued_at is not None:
            totals[f"provider/{order.provider}/cards", order.currency] += order.face_amount
    return totals


def _part(said: Balances, begin: str, end: str = "") -> Balances:
    return Counter({k: n for k, n in said.items() if k[0].startswith(begin) and k[0].endswith(end)})


def _compare(what: str, due: Balances, said: Balances) -> list[str]:
    return [
        f"{what}: {key[0]} should hold {due[key]} {key[1]}, the ledger says {said[key]}"
        for key in sorted(due.keys() | said.keys())
        if due[key] != said[key]
    ]


async def rows(database: Database, table: type[Row], **equal: Any) -> list[Row]:
    """Every row of a table whose columns equal what is given."""
    async with database.reading() as session:
        return list(await session.scalars(select(table).filter_by(**equal)))
