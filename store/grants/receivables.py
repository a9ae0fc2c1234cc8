"""What people owe us, and how it is netted from their next grants."""

from __future__ import annotations

from sqlalchemy import select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from domain import ledger
from domain.grants import GrantStatus
from domain.money import words
from domain.reversal import kept_back
from store.database import Transaction
from store.grants.products import products_of
from store.tables import Grant, Receivable


async def change(tx: Transaction, customer_id: str, unit: str, amount: int) -> None:
    """The person owes `amount` more (below zero: less). The caller posts it."""
    statement = insert(Receivable).values(customer_id=customer_id, unit=unit, balance=amount)
    await tx.session.execute(
        statement.on_conflict_do_update(
            index_elements=["customer_id", "unit"],
            set_={"balance": col(Receivable.balance) + statement.excluded.balance},
        )
    )


async def forgive(tx: Transaction, grant: Grant) -> None:
    """Cancel the debt that was booked for this grant: it was not given, or is earned again."""
    owed, unit = grant.receivable_amount, grant.unit
    if owed and unit:
        tx.post(ledger.forgive(grant.recipient_id, grant.part_subject, owed, unit))
        await change(tx, grant.recipient_id, unit, -owed)
        grant.receivable_amount, grant.updated_at = 0, tx.now
        title = "What was owed for it is not owed"
        tx.record("grant.forgiven", title, detail=words(owed, unit), **grant.event_ids)


async def net(tx: Transaction, grants: list[Grant]) -> None:
    """Reduce new grants by what their recipients owe. A grant that is used up by a debt is
    cancelled at once: nothing of it is owed to the person."""
    debts = await _debts(tx, grants)
    products = await products_of(tx, grants) if debts else {}
    for grant in grants:
        debt = debts.get((grant.recipient_id, grant.unit or ""))
        if debt is None or grant.status == GrantStatus.CANCELLED:
            continue
        product = products.get(grant.id)
        kept = kept_back(debt.balance, grant.amount, fixed=grant.sold_in_one_value, product=product)
        if kept:
            debt.balance -= kept
            _keep_back(tx, grant, kept)


def _keep_back(tx: Transaction, grant: Grant, kept: int) -> None:
    unit = grant.unit or ""
    tx.post(ledger.net(grant.recipient_id, grant.posting_subject, kept, unit))
    tx.record(
        "grant.netted",
        "Kept back for what the person owes",
        detail=f"{words(kept, unit)} of {words(grant.amount, unit)}",
        data={"kept_back": kept, "unit": unit},
        **grant.event_ids,
    )
    grant.netted = kept
    if kept == grant.amount:
        grant.status, grant.due_at = GrantStatus.CANCELLED, None
    else:
        grant.resize(grant.amount - kept)


async def _debts(tx: Transaction, grants: list[Grant]) -> dict[tuple[str, str], Receivable]:
    """The debts of the recipients, locked in a fixed order."""
    wanted = sorted({(grant.recipient_id, unit) for grant in grants if (unit := grant.unit)})
    if not wanted:
        return {}
    rows = await tx.session.scalars(
        select(Receivable)
        .where(
            tuple_(col(Receivable.customer_id), col(Receivable.unit)).in_(wanted),
            col(Receivable.balance) > 0,
        )
        .order_by(col(Receivable.customer_id), col(Receivable.unit))
        .with_for_update()
    )
    return {(row.customer_id, row.unit): row for row in rows}
