"""Money is exact in every currency, and is never rounded on the way in."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from iso4217 import Currency as IsoCurrency
from pydantic import ValidationError

from domain.money import Money, exponent, percentage

CURRENCIES = sorted(str(c.code) for c in IsoCurrency if c.exponent is not None)
NOT_MONEY = sorted(str(c.code) for c in IsoCurrency if c.exponent is None)
currencies = st.sampled_from(CURRENCIES)
amounts = st.integers(min_value=-(10**15), max_value=10**15)


class TestExponent:
    @pytest.mark.parametrize(
        ("currency", "digits"),
        [
            ("USD", 2),
            ("EUR", 2),
            ("JPY", 0),
            ("ISK", 0),
            ("KRW", 0),
            ("KWD", 3),
            ("BHD", 3),
            ("CLF", 4),
        ],
    )
    def test_is_iso_4217s(self, currency: str, digits: int) -> None:
        assert exponent(currency) == digits

    @pytest.mark.parametrize("currency", CURRENCIES)
    def test_is_known_for_every_currency(self, currency: str) -> None:
        assert 0 <= exponent(currency) <= 4

    @pytest.mark.parametrize("word", [*NOT_MONEY, "usd", "US", "DOLLAR", "840", "", "POINTS"])
    def test_refuses_what_is_no_currency(self, word: str) -> None:
        with pytest.raises(ValueError, match="ISO 4217"):
            exponent(word)


class TestFromMajor:
    @pytest.mark.parametrize("currency", CURRENCIES)
    def test_reads_the_smallest_unit_of_every_currency(self, currency: str) -> None:
        smallest = Decimal(1).scaleb(-exponent(currency))
        assert Money.from_major(smallest, currency) == Money(amount=1, currency=currency)

    @pytest.mark.parametrize("currency", CURRENCIES)
    def test_refuses_what_is_finer_than_the_smallest_unit(self, currency: str) -> None:
        finer = Decimal(1).scaleb(-exponent(currency) - 1)
        with pytest.raises(ValueError, match="finer"):
            Money.from_major(finer, currency)

    @pytest.mark.parametrize("value", [15, 15.0, "15", "15.00", Decimal("15.0")])
    def test_reads_numbers_as_providers_write_them(self, value: Decimal | str | float) -> None:
        assert Money.from_major(value, "USD") == Money(amount=15_00, currency="USD")

    def test_reads_a_float_by_its_shortest_digits(self) -> None:
        assert Money.from_major(19.99, "USD").amount == 19_99

    @pytest.mark.parametrize("value", ["", "abc", "1,50", "NaN", "Infinity", "-Infinity", True])
    def test_refuses_what_is_no_number_with_a_value_error(self, value: str) -> None:
        with pytest.raises(ValueError):
            Money.from_major(value, "USD")

    @given(amounts, currencies)
    def test_undoes_to_major(self, amount: int, currency: str) -> None:
        money = Money(amount=amount, currency=currency)
        assert Money.from_major(money.to_major(), currency) == money
        assert Money.from_major(str(money.to_major()), currency) == money


class TestArithmetic:
    @given(amounts, amounts, currencies)
    def test_adds_and_subtracts_exactly(self, a: int, b: int, currency: str) -> None:
        one, other = Money(amount=a, currency=currency), Money(amount=b, currency=currency)
        assert (one + other).amount == a + b
        assert (one - other).amount == a - b
        assert (-one).amount == -a

    def test_refuses_to_add_two_currencies(self) -> None:
        with pytest.raises(ValueError, match="cannot combine"):
            Money(amount=1, currency="USD") + Money(amount=1, currency="EUR")

    def test_refuses_to_subtract_two_currencies(self) -> None:
        with pytest.raises(ValueError, match="cannot combine"):
            Money(amount=1, currency="USD") - Money(amount=1, currency="EUR")


class TestShape:
    def test_is_written_with_the_currencys_decimals(self) -> None:
        assert str(Money(amount=15_00, currency="USD")) == "15.00 USD"
        assert str(Money(amount=1500, currency="JPY")) == "1500 JPY"
        assert str(Money(amount=1500, currency="KWD")) == "1.500 KWD"

    def test_cannot_be_changed(self) -> None:
        money = Money(amount=1, currency="USD")
        with pytest.raises(ValidationError):
            setattr(money, "amount", 2)  # noqa: B010 - mypy knows that it may not

    def test_refuses_half_a_minor_unit(self) -> None:
        with pytest.raises(ValidationError):
            Money.model_validate({"amount": 0.5, "currency": "USD"})

    def test_refuses_an_unknown_currency(self) -> None:
        with pytest.raises(ValidationError):
            Money(amount=1, currency="XXX")


class TestPercentage:
    @pytest.mark.parametrize(
        ("amount", "percent", "expected"),
        [
            (10_000, "10", 1_000),
            (5, "50", 3),  # 2.5 is rounded half up
            (15, "10", 2),  # 1.5
            (14, "10", 1),  # 1.4
            (1, "49.9", 0),
            (999, "33.3", 333),  # 332.667
            (0, "100", 0),
        ],
    )
    def test_rounds_half_up(self, amount: int, percent: str, expected: int) -> None:
        assert percentage(amount, Decimal(percent)) == expected

    @given(st.integers(0, 10**12), st.decimals("0.01", "100", places=2))
    def test_stays_within_the_amount(self, amount: int, percent: Decimal) -> None:
        assert 0 <= percentage(amount, percent) <= amount
