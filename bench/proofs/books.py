"""Checks the books against one another: grants, orders, ledger, budget counters, wallets.

Reads PostgreSQL directly, not through the product. Each check returns one sentence per
disagreement; none means that the books agree."""

from __future__ import annotations

from collections import Counter
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel

from domain import ledger
from domain.grants import AT_REST, GrantStatus
from domain.orders import OrderState
from store.counts.check import check
from store.database import Database
from store.tables import Budget, Grant, LedgerEntry, Order, Receivable, WalletCredit

Row = TypeVar("Row", bound=SQLModel)
Balances = Counter[tuple[str, str]]
"""Minor units (or points) by (account, currency)."""

_OWES_NOTHING = {GrantStatus.CANCELLED, GrantStatus.FAILED}
_WALLETS = {"gift_credits", "loyalty_points"}


async def balances(database: Database) -> Balances:
    """The ledger's balance of each account."""
    return _balances(await rows(database, LedgerEntry))


async def disagreements(database: Database) -> list[str]:
    """Invariants 4 and 5: the ledger sums to zero, and its balances, the budget's counters and
    the grants with their orders say the same; so do the counters by day. Read as of one moment,
    for workers go on writing."""
    at_once = database.engine.execution_options(isolation_level="REPEATABLE READ")
    async with AsyncSession(at_once) as session:
        entries = await _all(session, LedgerEntry)
        grants, orders = await _all(session, Grant), await _all(session, Order)
        budgets = await _all(session, Budget)
        credits, debts = await _all(session, WalletCredit), await _all(session, Receivable)
    said, found = _balances(entries), _unbalanced(entries)
    owed = _owed(grants, orders)
    for budget in budgets:
        found += _budget(budget, said, owed)
    found += _compare("liability", _promised(said, grants), _part(said, "liability/"))
    found += _compare("wallet", _wallets(credits), _part(said, "wallet/"))
    found += _compare("wallets", _together(said, "wallet/", 1), _together(said, "wallets/", -1))
    found += _credited(grants, credits)
    found += _compare("cards", _cards(orders), _part(said, "provider/", "/cards"))
    found += _compare("receivable", _owed_back(grants), _part(said, "receivable/"))
    found += _compare("receivable", _debts(debts), _part(said, "receivable/"))
    counted = await check(database)
    found += [f"counter {one.key}: {one.kept}, off by {one.off_by}" for one in counted.different]
    return found + _too_much(grants)


async def _all(session: AsyncSession, table: type[Row]) -> list[Row]:
    return list(await session.scalars(select(table)))


def _balances(entries: list[LedgerEntry]) -> Balances:
    totals: Balances = Counter()
    for entry in entries:
        totals[entry.account, entry.currency] += entry.amount
    return totals


def _unbalanced(entries: list[LedgerEntry]) -> list[str]:
    sums: Balances = Counter()
    for entry in entries:
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


def _promised(said: Balances, grants: list[Grant]) -> Balances:
    """What is granted and not delivered: money according to the budgets, points according to the
    grants."""
    totals: Balances = Counter()
    for (account, unit), amount in said.items():
        kind, _, rest = account.partition("/")
        campaign_id, _, part = rest.partition("/")
        if kind == "campaign" and part in ("reserved", "committed"):
            totals[ledger.liability(campaign_id), unit] += amount
    for grant in grants:
        if grant.kind == "loyalty_points" and grant.status not in AT_REST:
            totals[ledger.liability(grant.campaign_id), ledger.POINTS] += grant.amount
    return totals


def _wallets(credits: list[WalletCredit]) -> Balances:
    """What the wallets should contain."""
    totals: Balances = Counter()
    for credit in credits:
        totals[ledger.wallet(credit.customer_id), credit.unit] += credit.remaining
    return totals


def _credited(grants: list[Grant], credits: list[WalletCredit]) -> list[str]:
    """A delivered wallet grant credited its amount; no other grant credited anything."""
    put = {credit.id: credit.amount for credit in credits}
    found = []
    for grant in grants:
        if grant.kind not in _WALLETS or grant.reversed_amount or grant.reopened:
            continue
        due = grant.amount if grant.status == GrantStatus.DELIVERED else 0
        if put.get(grant.id, 0) != due:
            found.append(f"grant {grant.id} should have credited {due}: {put.get(grant.id, 0)}")
    return found


def _owed_back(grants: list[Grant]) -> Balances:
    """What people owe according to the grants: booked for one, and paid off by another."""
    totals: Balances = Counter()
    for grant in grants:
        unit = ledger.POINTS if grant.kind == "loyalty_points" else grant.currency
        owed = grant.receivable_amount - grant.netted
        if unit and owed:
            totals[ledger.receivable(grant.recipient_id), unit] += owed
    return totals


def _debts(debts: list[Receivable]) -> Balances:
    return Counter({(ledger.receivable(d.customer_id), d.unit): d.balance for d in debts})


def _too_much(grants: list[Grant]) -> list[str]:
    """No more is undone of a grant than is due, and nobody owes more than the grant's value."""
    return [
        f"grant {grant.id}: {grant.reversed_amount} undone of {grant.reversal_due} due"
        for grant in grants
        if not 0 <= grant.reversed_amount <= grant.reversal_due
        or not 0 <= grant.receivable_amount <= grant.amount
        or grant.netted < 0
    ]


def _cards(orders: list[Order]) -> Balances:
    """What was bought at each provider and not cancelled."""
    totals: Balances = Counter()
    for order in orders:
        if order.state == OrderState.ISSUED:
            totals[f"provider/{order.provider}/cards", order.currency] += order.face_amount
    return totals


def _part(said: Balances, begin: str, end: str = "") -> Balances:
    return Counter({k: n for k, n in said.items() if k[0].startswith(begin) and k[0].endswith(end)})


def _together(said: Balances, begin: str, sign: int) -> Balances:
    """The sum of the accounts per currency, under one name."""
    totals: Balances = Counter()
    for (_, unit), amount in _part(said, begin).items():
        totals["all together", unit] += sign * amount
    return totals


def _compare(what: str, due: Balances, said: Balances) -> list[str]:
    return [
        f"{what}: {key[0]} should hold {due[key]} {key[1]}, the ledger says {said[key]}"
        for key in sorted(due.keys() | said.keys())
        if due[key] != said[key]
    ]


async def rows(database: Database, table: type[Row], **equal: Any) -> list[Row]:
    """Every row of a table with these column values."""
    async with database.reading() as session:
        return list(await session.scalars(select(table).filter_by(**equal)))
