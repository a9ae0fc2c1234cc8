"""Reversal: how much of a grant a refund undoes, and what can be done about it.

Pure. The share is always of the refunds' sum, so that several partial refunds come to what one
refund of their sum would have, to the cent.
"""

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
"""A refund whose purchase has not come by then names an order that there is not, most likely."""


class Cause(StrEnum):
    """Why a referral was undone."""

    REFUND = "refund"
    ROLLBACK = "rollback"
    FINDING = "finding"
    """Somebody found that it should not have counted, as for fraud."""
    DENIAL = "denial"


MENDED_BY_A_PURCHASE = frozenset({Cause.REFUND, Cause.ROLLBACK})
"""The same order bought after all brings the referral back."""


class Means(StrEnum):
    """What is done about a grant that is undone, in whole or in part."""

    NOTHING = "nothing"
    """There is nothing left to undo."""
    CANCEL = "cancel"
    """It is cancelled: nobody has it yet."""
    SHRINK = "shrink"
    """It becomes smaller: nobody has it yet, and it may have any value."""
    WAIT = "wait"
    """Whether a card exists, or a callout was taken, is not known. The answer decides."""
    TAKE_BACK = "take_back"
    """The provider is asked to cancel the card; where it does not, the person owes its value."""
    DEBIT = "debit"
    """It is taken out of the person's wallet; what the wallet lacks, the person owes."""
    OWE = "owe"
    """It stands, and the person owes the share."""
    DISABLE = "disable"
    """The coupon is disabled, if it has not been used."""
    STAND = "stand"
    """It stands: it has no value in money that could be owed."""


class GrantToUndo(NamedTuple):
    """Where a grant stands. `order`: its newest order's state; `fixed`: a card that is sold in
    this value only."""

    kind: str
    status: GrantStatus
    order: OrderState | None = None
    fixed: bool = False


def share(value: int, refunded: int, order_amount: int) -> int:
    """`value` × refunded ÷ order amount, rounded half up. All in minor units."""
    return (2 * value * refunded + order_amount) // (2 * order_amount)


def fits(refunded: int, paid: int) -> bool:
    """Do refunds fit into what was paid? Rounding may take their sum up to 1 % above it: that is
    all of it. More was counted in another unit, as before a discount."""
    return refunded * 100 <= paid * 101


def means(of: GrantToUndo, *, whole: bool) -> Means:
    """What to do about a grant, of which all (`whole`) or a share is undone."""
    if of.status in _UNDONE:
        return Means.NOTHING
    if of.kind == GIFT_CARD:
        return _card(of, whole)
    if of.kind == CALLOUT and of.status == GrantStatus.ORDERING:
        # It may have been taken, and its answer lost: whoever gives it has the last word.
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
            # Its key stands for a card of the old value.
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
    """How much of a new grant of `value` pays off a debt: all of it, or so much as leaves a card
    that its product is sold in. A card of fixed value is kept back whole or not at all."""
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
