"""What a referee saves when the code is redeemed."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from domain.money import percentage


class AmountOff(BaseModel):
    """A discount of a fixed sum, minor units of the order's currency."""

    model_config = ConfigDict(frozen=True)
    type: Literal["AMOUNT"] = "AMOUNT"
    amount_off: int = Field(gt=0)


class PercentOff(BaseModel):
    """A discount in percent, at most `amount_limit` minor units."""

    model_config = ConfigDict(frozen=True)
    type: Literal["PERCENT"] = "PERCENT"
    percent_off: Decimal = Field(gt=0, le=100)
    amount_limit: int | None = Field(default=None, gt=0)


Discount = Annotated[AmountOff | PercentOff, Field(discriminator="type")]
"""What the referee saves on the order at code redemption."""


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
