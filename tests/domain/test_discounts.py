"""What a friend saves at checkout."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.discounts import AmountOff, Discount, PercentOff, discount_amount

discounts = st.one_of(
    st.none(),
    st.builds(AmountOff, amount_off=st.integers(1, 10**9)),
    st.builds(
        PercentOff,
        percent_off=st.decimals("0.01", "100", places=2),
        amount_limit=st.none() | st.integers(1, 10**6),
    ),
)


def percent(off: str, limit: int | None = None) -> PercentOff:
    return PercentOff(percent_off=Decimal(off), amount_limit=limit)


def test_no_discount_saves_nothing() -> None:
    assert discount_amount(None, 100_00) == 0


def test_a_fixed_sum_is_taken_off() -> None:
    assert discount_amount(AmountOff(amount_off=10_00), 100_00) == 10_00


def test_a_fixed_sum_larger_than_the_order_takes_the_order() -> None:
    assert discount_amount(AmountOff(amount_off=10_00), 4_50) == 4_50


def test_a_percentage_is_rounded_half_up_to_the_cent() -> None:
    assert discount_amount(percent("10"), 45) == 5
    assert discount_amount(percent("10"), 44) == 4


def test_a_percentage_stops_at_its_limit() -> None:
    assert discount_amount(percent("50", limit=20_00), 100_00) == 20_00


def test_a_percentage_below_its_limit_is_untouched_by_it() -> None:
    assert discount_amount(percent("10", limit=20_00), 100_00) == 10_00


def test_a_hundred_percent_makes_the_order_free() -> None:
    assert discount_amount(percent("100"), 99_99) == 99_99


def test_an_order_of_nothing_saves_nothing() -> None:
    assert discount_amount(AmountOff(amount_off=5), 0) == 0
    assert discount_amount(percent("10"), 0) == 0


@given(discounts, st.integers(0, 10**9))
def test_never_more_than_the_order_and_never_less_than_nothing(
    discount: Discount | None, order: int
) -> None:
    assert 0 <= discount_amount(discount, order) <= order


@pytest.mark.parametrize("off", ["0", "-1", "100.01"])
def test_a_percentage_outside_0_to_100_is_refused(off: str) -> None:
    with pytest.raises(ValidationError):
        percent(off)


@pytest.mark.parametrize("off", [0, -1])
def test_a_fixed_sum_of_nothing_is_refused(off: int) -> None:
    with pytest.raises(ValidationError):
        AmountOff(amount_off=off)
