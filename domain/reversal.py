"""Reversal: how much of a grant a refund undoes, and what can be done about it.

Pure. The share is always of the refunds' sum, so several partial refunds equal one refund of their
sum, to the cent."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple

from domain.catalogue import Product
from domain.grants import GrantStatus
from domain.orders import OrderState

GIFT_CARD = "gift_card"
WALLETS = frozenset({"gift_credits", "loyalty_points"})
COUPON = "discount_coupon"
CALLOUT = "custom"

_UNDONE = frozenset({GrantStatus.CANCELLED, GrantStatus.FAILED})


UNMATCHED_AFTER = timedelta(days=90)
"""A refund whose purchase has not come by then most likely names an order that does not exist."""


class Cause(StrEnum):
    """Why a referral was undone."""

    REFUND = "refund"
    ROLLBACK = "rollback"
    FINDING = "finding"
    """A person found that it should not have counted, for example because of fraud."""
    DENIAL = "denial"


MENDED_BY_A_PURCHASE = frozenset({Cause.REFUND, Cause.ROLLBACK})
"""Causes that end when the same order is bought after all."""


class Means(StrEnum):
    """What is done about a grant that is undone, in whole or in part."""

    NOTHING = "nothing"
    """There is nothing left to undo."""
    CANCEL = "cancel"
    """It is cancelled: it was not given yet."""
    SHRINK = "shrink"
    """Its amount is reduced: it was not given yet, and may have any value."""
    WAIT = "wait"
    """It is unknown whether a card exists, or a callout was accepted. The answer decides."""
    TAKE_BACK = "take_back"
    """The provider is asked to cancel the card; if it does not, the person owes its value."""
    DEBIT = "debit"
    """It is taken out of the person's wallet; the person owes what is missing there."""
    OWE = "owe"
    """It stays, and the person owes the share."""
    DISABLE = "disable"
    """The coupon is disabled, if it has not been used."""
    STAND = "stand"
    """It stays: it has no monetary value that could be owed."""


class GrantToUndo(NamedTuple):
    """A grant's state. `order`: its newest order's state; `fixed`: a card that is sold in this
    value only."""

    kind: str
    status: GrantStatus
    order: OrderState | None = None
    fixed: bool = False


def share(value: int, refunded: int, order_amount: int) -> int:
    """`value` × refunded ÷ order amount, rounded half up. All in minor units."""
    return (2 * value * refunded + order_amount) // (2 * order_amount)


def fits(refunded: int, paid: int) -> bool:
    """Whether refunds fit into what was paid.

    Rounding may take their sum up to 1 % above it, which then counts as all of it. More was counted
    in another unit, for example before a discount."""
    return refunded * 100 <= paid * 101


def means(of: GrantToUndo, *, whole: bool) -> Means:
    """What to do about a grant, of which all (`whole`) or a share is undone."""
    if of.status in _UNDONE:
        return Means.NOTHING
    if of.kind == GIFT_CARD:
        return _card(of, whole)
    if of.kind == CALLOUT and of.status == GrantStatus.ORDERING:
        # It may have been accepted, and the answer lost: the receiver decides.
        return Means.WAIT
    if of.status != GrantStatus.DELIVERED:
        return _unordered(of, whole)
    if of.kind in WALLETS:
        return Means.DEBIT
    return Means.DISABLE if of.kind == COUPON and whole else Means.STAND


def _card(of: GrantToUndo, whole: bool) -> Means:
    match of.order:
        case OrderState.UNKNOWN | OrderState.PENDING:
            return Means.WAIT
        case OrderState.ISSUED:
            return Means.TAKE_BACK if whole else Means.OWE
        case OrderState.PREPARED if not whole:
            # Its key is bound to a card of the old value.
            return Means.OWE
        case _:
            return _unordered(of, whole)


def _unordered(of: GrantToUndo, whole: bool) -> Means:
    if whole:
        return Means.CANCEL
    if of.kind in WALLETS or (of.kind == GIFT_CARD and not of.fixed):
        return Means.SHRINK
    return Means.OWE if of.kind == GIFT_CARD else Means.STAND


def kept_back(debt: int, value: int, *, fixed: bool, product: Product | None = None) -> int:
    """How much of a new grant of `value` pays off a debt.

    All of it, or enough to leave a value in which the product is sold. A card of fixed value is
    kept back whole or not at all."""
    if debt >= value:
        return value
    if fixed or debt <= 0:
        return 0
    if product is None:
        return debt
    if product.fixed:
        sold = [one.amount for one in product.fixed if value - debt <= one.amount <= value]
        return value - min(sold, default=value)
    smallest = product.smallest.amount if product.smallest else 1
    return min(debt, max(0, value - smallest))
