"""The counters of campaign budgets.

Always the last statement of a transaction: a whole campaign shares the row, so it is only locked
for the time of the commit."""

from __future__ import annotations

from sqlalchemy import BigInteger, bindparam, or_, select, update
from sqlmodel import col

from domain.money import Money
from store.database import Transaction
from store.tables import Budget


class BudgetSpent(Exception):
    """The amount to reserve does not fit. The transaction must not commit."""

    def __init__(self, needed: Money, left: int | None) -> None:
        super().__init__(f"{needed} does not fit into the campaign's budget")
        self.needed = needed
        self.left = left
        """Minor units left just after the attempt; None: there is no such budget."""


_ROW = (col(Budget.campaign_id) == bindparam("campaign"), col(Budget.currency) == bindparam("unit"))
_RESERVE = (
    update(Budget)
    .where(
        *_ROW,
        or_(
            col(Budget.ceiling).is_(None),
            col(Budget.reserved) + Budget.committed + bindparam("needed", type_=BigInteger)
            <= Budget.ceiling,
        ),
    )
    .values(reserved=col(Budget.reserved) + bindparam("needed", type_=BigInteger))
    .returning(col(Budget.campaign_id))
    .execution_options(synchronize_session=False)
)
_LEFT = select(col(Budget.ceiling) - col(Budget.reserved) - col(Budget.committed)).where(*_ROW)
_SHIFT = (
    update(Budget)
    .where(*_ROW)
    .values(
        reserved=col(Budget.reserved) + bindparam("held", type_=BigInteger),
        committed=col(Budget.committed) + bindparam("bound", type_=BigInteger),
    )
    .execution_options(synchronize_session=False)
)


async def reserve(tx: Transaction, campaign_id: str, faces: list[Money]) -> None:
    """Reserve face values, all or none. Raises BudgetSpent."""
    for money in _per_currency(faces):
        wanted = {"campaign": campaign_id, "unit": money.currency, "needed": money.amount}
        updated = await tx.session.execute(_RESERVE, wanted)
        if updated.scalar() is None:
            raise BudgetSpent(money, await tx.session.scalar(_LEFT, wanted))


async def commit(tx: Transaction, campaign_id: str, face: Money) -> None:
    """The order was issued: its face value moves from reserved to committed."""
    await shift(tx, campaign_id, face.currency, reserved=-face.amount, committed=face.amount)


async def withdraw(tx: Transaction, campaign_id: str, face: Money) -> None:
    """The provider took an issued order back: its face value moves back to reserved."""
    await shift(tx, campaign_id, face.currency, reserved=face.amount, committed=-face.amount)


async def release(tx: Transaction, campaign_id: str, face: Money) -> None:
    """The grant was cancelled before its order was issued."""
    await shift(tx, campaign_id, face.currency, reserved=-face.amount, committed=0)


async def shift(
    tx: Transaction, campaign_id: str, currency: str, *, reserved: int, committed: int
) -> None:
    """Change reserved and committed by these amounts, in one statement."""
    shifted = {"campaign": campaign_id, "unit": currency, "held": reserved, "bound": committed}
    await tx.session.execute(_SHIFT, shifted)


def _per_currency(faces: list[Money]) -> list[Money]:
    totals: dict[str, Money] = {}
    for face in faces:
        totals[face.currency] = totals[face.currency] + face if face.currency in totals else face
    return [totals[currency] for currency in sorted(totals)]
