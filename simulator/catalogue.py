"""A provider's products and its charges. All amounts are minor units."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

FX = {"USD": Decimal(1), "EUR": Decimal("1.10")}
"""The price of a currency's unit in USD, at providers whose account is in USD."""


@dataclass(frozen=True, slots=True)
class Item:
    """One product. `values` are the allowed ones, or (lowest, highest) when `variable`."""

    id: str
    name: str
    values: tuple[int, ...]
    variable: bool = True
    currency: str = "USD"
    fee: int = 0
    discount_percent: Decimal = Decimal(0)

    def sells(self, amount: int) -> bool:
        if self.variable:
            return self.values[0] <= amount <= self.values[1]
        return amount in self.values

    def cost(self, amount: int) -> int:
        """The cost of one card: value less discount plus fee."""
        return amount - share(amount, self.discount_percent) + self.fee


def share(amount: int, percent: Decimal) -> int:
    """A percentage of an amount, in minor units, rounded half up."""
    return round_half_up(amount * percent / 100)


def round_half_up(amount: Decimal) -> int:
    return int(amount.quantize(Decimal(1), ROUND_HALF_UP))


def in_dollars(amount: int, currency: str) -> int:
    return round_half_up(amount * FX[currency])
