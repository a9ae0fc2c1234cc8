"""What a referee saves when the code is redeemed."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from domain.money import percentage


def _whole(given: object) -> object:
    """Voucherify's own clients send 500.0 for 500. 500.5 is left alone, and refused later."""
    return int(given) if isinstance(given, float) and given.is_integer() else given


Whole = Annotated[int, Field(strict=True), BeforeValidator(_whole)]
"""An integer, which may be written as a float."""


class AmountOff(BaseModel):
    """A fixed discount, in minor units of the order's currency."""

    model_config = ConfigDict(frozen=True)
    type: Literal["AMOUNT"] = "AMOUNT"
    amount_off: Whole = Field(gt=0)


def _number(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)


Percent = Annotated[
    Decimal, Field(gt=0, le=100), PlainSerializer(_number, int | float, when_used="json")
]
"""A JSON number, as in Voucherify."""


class PercentOff(BaseModel):
    """A discount in percent, at most `amount_limit` minor units."""

    model_config = ConfigDict(frozen=True)
    type: Literal["PERCENT"] = "PERCENT"
    percent_off: Percent
    amount_limit: Annotated[Whole, Field(gt=0)] | None = None


class FixedAmount(BaseModel):
    """The order costs this much, in minor units; a cheaper order keeps its price."""

    model_config = ConfigDict(frozen=True)
    type: Literal["FIXED"] = "FIXED"
    fixed_amount: Whole = Field(ge=0)


class UnitsOff(BaseModel):
    """So many units of one product are free; `unit_type` is its id. The order's own items give the
    price, so a unit that is not in the order saves nothing."""

    model_config = ConfigDict(frozen=True)
    type: Literal["UNIT"] = "UNIT"
    unit_off: Whole = Field(gt=0)
    unit_type: str = Field(min_length=1, max_length=255)


Discount = Annotated[AmountOff | PercentOff | FixedAmount | UnitsOff, Field(discriminator="type")]
"""What the referee saves on the order at code redemption."""


class Line(NamedTuple):
    """An item of an order: the ids of its product, its units, and the unit price in minor units."""

    ids: frozenset[str]
    quantity: int
    price: int


def discount_amount(
    discount: Discount | None, order_amount: int, lines: Sequence[Line] = ()
) -> int:
    """Minor units taken off an order of `order_amount`; never more than the order itself."""
    match discount:
        case None:
            saved = 0
        case AmountOff(amount_off=amount):
            saved = amount
        case PercentOff(percent_off=percent, amount_limit=limit):
            saved = percentage(order_amount, percent)
            saved = saved if limit is None else min(saved, limit)
        case FixedAmount(fixed_amount=price):
            saved = max(order_amount - price, 0)
        case UnitsOff():
            free = units_free(discount, lines)
            saved = sum(units * line.price for units, line in zip(free, lines, strict=True))
    return min(saved, order_amount)


def units_free(discount: UnitsOff, lines: Sequence[Line]) -> list[int]:
    """How many units of each line are free, starting with the first line."""
    left, free = discount.unit_off, []
    for line in lines:
        units = min(left, line.quantity) if discount.unit_type in line.ids else 0
        left -= units
        free.append(units)
    return free
