"""The counters behind campaign budgets. Always the last statement of a transaction: the row is
shared by a whole campaign, so it is held for no longer than the commit takes."""

from __future__ import annotations

from sqlalchemy import or_, update
from sqlmodel import col

from domain.money import Money
from store.database import Transaction
from store.tables import Budget


class BudgetSpent(Exception):
    """What was to be reserved does not fit. The transaction must not commit."""

    def __init__(self, needed: Money) -> None:
        super().__init__(f"{needed} does not fit into the campaign's budget")
        self.needed = needed


async def reserve(tx: Transaction, campaign_id: str, faces: list[Money]) -> None:
    """Set face values aside, all or none. Raises BudgetSpent."""
    for money in _per_currency(faces):
        updated = await tx.session.execute(
            update(Budget)
            .where(
                col(Budget.campaign_id) == campaign_id,
                col(Budget.currency) == money.currency,
                or_(
                    col(Budget.ceiling).is_(None),
                    col(Budget.reserved) + Budget.committed + money.amount <= Budget.ceiling,
                ),
            )
            .values(reserved=col(Budget.reserved) + money.amount)
            .returning(col(Budget.campaign_id))
            .execution_options(synchronize_session=False)
        )
        if updated.scalar() is None:
            raise BudgetSpent(money)


async def commit(tx: Transaction, campaign_id: str, face: Money) -> None:
    """The order was issued: its face value moves from reserved to committed."""
    await _shift(tx, campaign_id, face.currency, reserved=-face.amount, committed=face.amount)


async def withdraw(tx: Transaction, campaign_id: str, face: Money) -> None:
    """The provider took an issued order back: it is owed, and unordered, again."""
    await _shift(tx, campaign_id, face.currency, reserved=face.amount, committed=-face.amount)


async def release(tx: Transaction, campaign_id: str, face: Money) -> None:
    """The grant was cancelled before its order was issued."""
    await _shift(tx, campaign_id, face.currency, reserved=-face.amount, committed=0)


async def _shift(
    tx: Transaction, campaign_id: str, currency: str, *, reserved: int, committed: int
) -> None:
    await tx.session.execute(
        update(Budget)
        .where(col(Budget.campaign_id) == campaign_id, col(Budget.currency) == currency)
        .values(
            reserved=col(Budget.reserved) + reserved,
            committed=col(Budget.committed) + committed,
        )
        .execution_options(synchronize_session=False)
    )


def _per_currency(faces: list[Money]) -> list[Money]:
    totals: dict[str, Money] = {}
    for face in faces:
        totals[face.currency] = totals[face.currency] + face if face.currency in totals else face
    return [totals[currency] for currency in sorted(totals)]
