"""Whether a reward is among what its provider sells, and the way out where it is not."""

from __future__ import annotations

from typing import Any

import pytest

from domain.catalogue import Product, has_fixed_values, misfit
from domain.money import Money
from domain.rewards import Delivery
from tests.builders import gift_card


def usd(amount: int) -> Money:
    return Money(amount=amount, currency="USD")


def product(id: str, name: str, **changes: Any) -> Product:
    given = {"currency": "USD", "deliveries": frozenset({Delivery.EMAIL, Delivery.LINK})}
    return Product(id=id, name=name, **given | changes)


RANGE = product("CVS", "CVS Pharmacy", smallest=usd(1_00), largest=usd(500_00))
FIXED = product("AMAZON", "Amazon.com", fixed=tuple(usd(n * 100) for n in (10, 25, 50, 100)))
EUROS = product("ZALANDO", "Zalando", currency="EUR")
CATALOGUE = [RANGE, FIXED, EUROS]


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": 1_00},
        {"amount": 500_00},
        {"delivery": "link"},
        {"product_id": "AMAZON", "amount": 25_00},
        {"product_id": "ZALANDO", "currency": "EUR", "amount": 7},
        {"amount_by": {"metadata": "level", "values": {"gold": 500_00}}},
    ],
)
def test_an_offered_card_fits(changes: dict[str, Any]) -> None:
    assert misfit(gift_card(**{"amount": 15_00} | changes), CATALOGUE) is None


@pytest.mark.parametrize(
    ("changes", "member", "way_out"),
    [
        ({"product_id": "CVX"}, "/product_id", "Nearest: CVS Pharmacy (CVS)"),
        ({"product_id": "amazon"}, "/product_id", "Amazon.com (AMAZON)"),
        ({"product_id": "zzzzzz"}, "/product_id", "does not offer 'zzzzzz'."),
        ({"currency": "EUR"}, "/currency", "CVS Pharmacy (CVS) is sold in USD."),
        ({"delivery": "sms"}, "/delivery", "delivered by email, link."),
        ({"amount": 99}, "/amount", "sold for 1.00 USD to 500.00 USD."),
        ({"amount": 500_01}, "/amount", "sold for 1.00 USD to 500.00 USD."),
        (
            {"product_id": "AMAZON", "amount": 20_00},
            "/amount",
            "sold for 10.00 USD, 25.00 USD, 50.00 USD and others.",
        ),
        (
            {"amount_by": {"metadata": "level", "values": {"gold": 5, "a/b": 501_00}}},
            "/amount_by/values/gold",
            "sold for 1.00 USD to 500.00 USD.",
        ),
        (
            {"amount_by": {"metadata": "level", "values": {"a/b": 501_00}}},
            "/amount_by/values/a~1b",
            "sold for 1.00 USD to 500.00 USD.",
        ),
    ],
)
def test_a_card_that_is_not_offered_is_named_with_the_way_out(
    changes: dict[str, Any], member: str, way_out: str
) -> None:
    found = misfit(gift_card(**{"amount": 15_00} | changes), CATALOGUE)
    assert found is not None
    assert found.member == member
    assert way_out in found.detail


def test_a_product_in_several_currencies_is_judged_in_the_cards_own() -> None:
    euros = product("CVS", "CVS", currency="EUR", smallest=Money(amount=5_00, currency="EUR"))
    found = misfit(gift_card(4_00, currency="EUR"), [RANGE, euros])
    assert found is not None
    assert found.detail == "CVS (CVS) is sold for 5.00 EUR or more."
    assert misfit(gift_card(4_00), [RANGE, euros]) is None


def test_an_empty_catalogue_offers_nothing() -> None:
    found = misfit(gift_card(), [])
    assert found is not None
    assert found.member == "/product_id"


def test_cards_of_certain_values_are_told_apart() -> None:
    assert has_fixed_values(gift_card(25_00, product_id="AMAZON"), CATALOGUE)
    assert not has_fixed_values(gift_card(), CATALOGUE)
