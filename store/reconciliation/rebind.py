"""Corrects the ledger entries that an order holds of its campaign's budget.

The budget's counters are not changed: they follow the facts, not the entries."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlmodel import col

from domain import corrections, ledger
from domain.money import Money
from domain.orders import OrderState
from domain.reconciliation import Standing, spent_allowed
from store.database import Transaction
from store.reconciliation.repairs import Difference
from store.tables import Grant, LedgerEntry, Order


async def rebind(tx: Transaction, difference: Difference) -> str | None:
    """Post what is missing between the order's state and its campaign's accounts.

    Returns what was booked, in words. An order beside a second card of the same grant is left to a
    person."""
    await tx.write_facts()
    order = await tx.session.get_one(Order, str(difference.item.order_id), with_for_update=True)
    grant = await tx.session.get_one(Grant, order.grant_id, with_for_update=True)
    if await _has_second_card(tx, order):
        return None
    committed, spent = await _bound(tx, grant.campaign_id, order.id)
    issued = order.state == OrderState.ISSUED
    ours = Standing(face=order.face_amount, grant=grant.status)
    allowed = spent_allowed(ours) if issued else (0,)
    wanted = spent if spent in allowed else allowed[0]
    postings = corrections.bind(
        grant.campaign_id,
        order.id,
        difference.item.id,
        commit=_money(order, (order.face_amount if issued else 0) - committed),
        spend=_money(order, wanted - spent),
    )
    tx.post(*postings)
    return f"the budget's entries of {order.id} corrected" if postings else None


def _money(order: Order, amount: int) -> Money:
    return Money(amount=amount, currency=order.currency)


async def _bound(tx: Transaction, campaign_id: str, order_id: str) -> tuple[int, int]:
    """What the ledger has committed for an order, and how much of that as spent, in minor units."""
    parts = [ledger.budget(campaign_id, part) for part in ("committed", "spent")]
    amount, account = col(LedgerEntry.amount), col(LedgerEntry.account)
    row = await tx.session.execute(
        select(
            func.coalesce(func.sum(amount), 0),
            func.coalesce(func.sum(amount).filter(account == parts[1]), 0),
        ).where(col(LedgerEntry.subject) == order_id, account.in_(parts))
    )
    committed, spent = row.one()
    return int(committed), int(spent)


async def _has_second_card(tx: Transaction, order: Order) -> bool:
    others = await tx.session.scalars(
        select(col(Order.id)).where(
            col(Order.grant_id) == order.grant_id,
            col(Order.id) != order.id,
            col(Order.state) == OrderState.ISSUED,
        )
    )
    return others.first() is not None
