"""What a referee saves when the code is redeemed."""

from __future__ import annotations

from domain.campaigns import AmountOff, Discount, PercentOff
from domain.money import percentage


def discount_amount(discount: Discount | None, order_amount: int) -> int:
    """Minor units taken off an order of `order_amount`; never more than the order itself."""
    match discount:
        case None:
            return 0
        case AmountOff(amount_off=amount):
            return min(amount, order_amount)
        case PercentOff(percent_off=percent, amount_limit=limit):
            saved = percentage(order_amount, percent)
            return min(saved, order_amount if limit is None else limit)
