"""Money: integer minor units and a currency, never a float."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from typing import Annotated

from iso4217 import Currency as IsoCurrency
from pydantic import AfterValidator, BaseModel, ConfigDict, Field


@cache
def exponent(currency: str) -> int:
    """Digits after the decimal point in `currency` (USD 2, JPY 0, KWD 3), from ISO 4217."""
    try:
        digits = IsoCurrency(currency).exponent
    except ValueError:
        digits = None
    if digits is None:
        raise ValueError(f"{currency!r} is not an ISO 4217 currency code")
    return int(digits)


def _known(currency: str) -> str:
    exponent(currency)
    return currency


Currency = Annotated[str, AfterValidator(_known)]
"""An ISO 4217 alphabetic code, upper case."""


class Money(BaseModel):
    """An exact amount. `amount` is in minor units: Money(1500, "USD") is 15 dollars."""

    model_config = ConfigDict(frozen=True)

    amount: int = Field(examples=[1500])
    currency: Currency = Field(examples=["USD"])

    @classmethod
    def from_major(cls, value: Decimal | str | float, currency: str) -> Money:
        """Read a provider's major units (15, 15.0, "15.00"). Raises ValueError when the value is
        no number, or has more digits than the currency allows: money is never rounded on the way
        in."""
        try:
            minor = Decimal(str(value)).scaleb(exponent(currency))
            amount = int(minor)
        except ArithmeticError:
            raise ValueError(f"{value!r} is not an amount") from None
        if minor != amount:
            raise ValueError(f"{value} {currency} is finer than the currency's minor unit")
        return cls(amount=amount, currency=currency)

    def to_major(self) -> Decimal:
        """The same amount in major units, with the currency's own number of decimals."""
        return Decimal(self.amount).scaleb(-exponent(self.currency))

    def __add__(self, other: Money) -> Money:
        return Money(amount=self.amount + self._same(other), currency=self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(amount=self.amount - self._same(other), currency=self.currency)

    def __neg__(self) -> Money:
        return Money(amount=-self.amount, currency=self.currency)

    def __str__(self) -> str:
        return f"{self.to_major()} {self.currency}"

    def _same(self, other: Money) -> int:
        if other.currency != self.currency:
            raise ValueError(f"cannot combine {self.currency} with {other.currency}")
        return other.amount


POINTS = "POINTS"
"""The unit of loyalty points: not money, and in no budget."""


def words(amount: int, unit: str | None) -> str:
    """For people: `15.00 USD`, `500 points`; minor units if the currency is unknown."""
    if unit is None:
        return f"{amount} (minor units)"
    if unit == POINTS:
        return f"{amount} points"
    try:
        return str(Money(amount=amount, currency=unit))
    except ValueError:
        return f"{amount} {unit}"


def percentage(amount: int, percent: Decimal) -> int:
    """`percent` of `amount` minor units, rounded half up."""
    return int((Decimal(amount) * percent / 100).quantize(Decimal(1), rounding=ROUND_HALF_UP))
