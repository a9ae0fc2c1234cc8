"""A repeat is the same only if it says the same."""

from __future__ import annotations

from typing import Any

import pytest

from api.http.problems import KINDS
from domain.refusals import IdentityReused
from domain.repeats import POINTERS, Content, Kind, differences, must_say_the_same

EVENT: dict[str, Any] = {
    "event": "first_purchase",
    "customer": "cust_1",
    "codes": ["v_1", "v_2"],
    "referrers": ["cust_9"],
    "order": ["id:7", "source_id:order-7"],
    "amount": 10_000,
    "currency": "USD",
}


def stored(**changes: Any) -> dict[str, Any]:
    return Content(**EVENT | changes).model_dump(include=set(POINTERS[Kind.EVENT]))


def differing(first: dict[str, Any], **again: Any) -> list[str]:
    return [one.pointer for one in differences(Kind.EVENT, first, Content(**EVENT | again))]


def test_the_same_content_differs_in_nothing() -> None:
    assert differing(stored()) == []


@pytest.mark.parametrize(
    ("again", "pointer"),
    [
        ({"event": "second_purchase"}, "/event"),
        ({"customer": "cust_2"}, "/customer"),
        ({"codes": ["v_3"]}, "/referral/code"),
        ({"codes": ["v_1", "v_3"]}, "/referral/code"),
        ({"referrers": ["cust_8"]}, "/referral/referrer_id"),
        ({"order": ["source_id:order-8"]}, "/order"),
        ({"order": []}, "/order"),
        ({"amount": 50_000}, "/order/amount"),
        ({"amount": None}, "/order/amount"),
        ({"currency": "EUR"}, "/order/currency"),
    ],
    ids=str,
)
def test_each_member_that_says_otherwise_is_named(again: dict[str, Any], pointer: str) -> None:
    assert differing(stored(), **again) == [pointer]


@pytest.mark.parametrize("again", [{"codes": []}, {"codes": ["v_2"]}, {"referrers": []}], ids=str)
def test_a_repeat_that_names_no_code_is_about_the_same_ones(again: dict[str, Any]) -> None:
    assert differing(stored(), **again) == []


class TestOrders:
    @pytest.mark.parametrize("again", [["id:7"], ["source_id:order-7"]], ids=str)
    def test_one_of_its_ids_is_enough(self, again: list[str]) -> None:
        assert differing(stored(), order=again) == []

    def test_ids_of_one_sort_must_agree(self) -> None:
        assert differing(stored(), order=["id:7", "source_id:order-8"]) == ["/order"]

    def test_ids_of_two_sorts_are_not_alike(self) -> None:
        assert differing(stored(order=["source_id:7"]), order=["id:7"]) == ["/order"]

    def test_none_is_none(self) -> None:
        assert differing(stored(order=[]), order=[]) == []


def test_a_member_that_was_not_kept_with_the_first_is_not_compared() -> None:
    first = stored()
    del first["amount"]
    assert differing(first, amount=1) == []


def test_the_refusal_says_what_was_first_and_what_is_now() -> None:
    first = {"amount": 100, "currency": "USD"}
    with pytest.raises(IdentityReused) as refusal:
        must_say_the_same(
            Kind.WALLET_USE, "checkout-1", first, Content(amount=40_000, currency="USD")
        )
    assert "'checkout-1'" in refusal.value.detail
    assert "first 1.00 USD, now 400.00 USD" in refusal.value.detail
    assert KINDS[refusal.value.key].status == 409
