"""What a friend saves at checkout."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.discounts import (
    AmountOff,
    Discount,
    FixedAmount,
    Line,
    PercentOff,
    UnitsOff,
    discount_amount,
    units_free,
)

discounts = st.one_of(
    st.none(),
    st.builds(AmountOff, amount_off=st.integers(1, 10**9)),
    st.builds(
        PercentOff,
        percent_off=st.decimals("0.01", "100", places=2),
        amount_limit=st.none() | st.integers(1, 10**6),
    ),
    st.builds(FixedAmount, fixed_amount=st.integers(0, 10**9)),
    st.builds(UnitsOff, unit_off=st.integers(1, 100), unit_type=st.just("mug")),
)
lines = st.lists(
    st.builds(
        Line,
        ids=st.sampled_from([frozenset({"mug"}), frozenset({"cup", "sku-1"})]),
        quantity=st.integers(0, 1000),
        price=st.integers(0, 10**6),
    ),
    max_size=5,
)
MUGS = UnitsOff(unit_off=3, unit_type="mug")


def line(product: str, quantity: int, price: int) -> Line:
    return Line(frozenset({product, f"sku-{product}"}), quantity, price)


def percent(off: str, limit: int | None = None) -> PercentOff:
    return PercentOff(percent_off=Decimal(off), amount_limit=limit)


def test_no_discount_saves_nothing() -> None:
    assert discount_amount(None, 100_00) == 0


def test_a_fixed_sum_is_taken_off() -> None:
    assert discount_amount(AmountOff(amount_off=10_00), 100_00) == 10_00


def test_a_sum_may_be_written_as_a_float_if_it_is_whole() -> None:
    """As Voucherify's clients do, whose models have numbers."""
    off = AmountOff.model_validate({"amount_off": 500.0})
    assert (off.amount_off, type(off.amount_off)) == (500, int)
    for odd in (500.5, float("inf"), float("nan"), "500", True):
        with pytest.raises(ValidationError):
            AmountOff.model_validate({"amount_off": odd})


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


@pytest.mark.parametrize(("order", "saved"), [(100_00, 60_00), (40_00, 0), (30_00, 0)])
def test_a_fixed_price_takes_what_lies_above_it(order: int, saved: int) -> None:
    assert discount_amount(FixedAmount(fixed_amount=40_00), order) == saved


def test_free_units_are_those_of_the_product_up_to_their_number() -> None:
    order = [line("cup", 9, 100), line("mug", 2, 500), line("mug", 4, 300)]
    assert units_free(MUGS, order) == [0, 2, 1]
    assert discount_amount(MUGS, 3100, order) == 2 * 500 + 300


def test_units_that_are_not_in_the_order_save_nothing() -> None:
    assert discount_amount(MUGS, 1000, [line("cup", 5, 200)]) == 0
    assert discount_amount(MUGS, 1000) == 0


def test_units_are_found_by_any_of_their_ids() -> None:
    by_sku = UnitsOff(unit_off=1, unit_type="sku-mug")
    assert discount_amount(by_sku, 500, [line("mug", 1, 500)]) == 500


@given(discounts, st.integers(0, 10**9), lines)
def test_never_more_than_the_order_and_never_less_than_nothing(
    discount: Discount | None, order: int, lines: list[Line]
) -> None:
    assert 0 <= discount_amount(discount, order, lines) <= order


@pytest.mark.parametrize("off", ["0", "-1", "100.01"])
def test_a_percentage_outside_0_to_100_is_refused(off: str) -> None:
    with pytest.raises(ValidationError):
        percent(off)


@pytest.mark.parametrize("off", [0, -1])
def test_a_fixed_sum_of_nothing_is_refused(off: int) -> None:
    with pytest.raises(ValidationError):
        AmountOff(amount_off=off)
