"""Validation rules: the sentence, the operators, what is refused, and how one is judged."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from domain.amounts import Traits
from domain.rules.evaluation import Basket, Use, concern, look, verdict
from domain.rules.logic import parse
from domain.rules.operators import Operator, compare
from domain.rules.properties import Concern
from domain.rules.rule import Group, Rule, Said

TRUTH = {"1": True, "2": False, "3": True}


def rule(error: str | None = None, logic: str | None = None, **conditions: Any) -> Rule:
    """A rule of conditions c1, c2, ... as (name, operators) or whole documents."""
    wire: dict[str, Any] = {}
    for key, given in conditions.items():
        document = given if isinstance(given, dict) else {"name": given[0], "conditions": given[1]}
        wire[key.removeprefix("c")] = document
    if logic:
        wire["logic"] = logic
    said = Said(message=error) if error else None
    return Rule(id="val_1", name="a rule", rules=Group.model_validate(wire), error=said)


def use(**changes: Any) -> Use:
    given: dict[str, Any] = {
        "customer": Traits({}, frozenset()),
        "order": Basket(amount=5000, total_amount=4500),
        "metadata": {},
        "event": None,
        "api_key": "app_1",
        "counts": {},
    }
    return Use(**given | changes)


class TestLogic:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("1", True),
            ("2", False),
            ("1 and 2", False),
            ("1 or 2", True),
            ("2 or 1 and 3", True),
            ("(2 or 1) and 3", True),
            ("2 and (1 or 3)", False),
            ("(1) AND (3)", True),
            ("((1) and (2)) or (3)", True),
            ("2 or 2 and 1 or 3", True),
        ],
    )
    def test_a_sentence_is_true_or_not(self, text: str, expected: bool) -> None:
        assert parse(text).holds(TRUTH) is expected

    @pytest.mark.parametrize(
        "text", ["", "1 and", "and 1", "1 2", "(1", "1)", "1 nor 2", "()", "1 and and 2", "1 or ("]
    )
    def test_invalid_logic_is_refused(self, text: str) -> None:
        with pytest.raises(ValueError, match="logic"):
            parse(text)


class TestOperators:
    @pytest.mark.parametrize(
        ("operator", "seen", "wanted", "expected"),
        [
            ("$is", "a", ["a", "b"], True),
            ("$is", "c", ["a", "b"], False),
            ("$is", None, ["a"], False),
            ("$is", True, [1], False),
            ("$is", ["x", "a"], ["a"], True),
            ("$is_not", "c", ["a", "b"], True),
            ("$is_not", "a", ["a", "b"], False),
            ("$in", 3, [1, 3], True),
            ("$not_in", 3, [1, 3], False),
            ("$has_value", 0, [True], True),
            ("$has_value", None, [True], False),
            ("$is_unknown", None, [True], True),
            ("$less_than", 9, [10], True),
            ("$less_than", 10, [10], False),
            ("$less_than_or_equal", 10, [10], True),
            ("$less_than_or_equal", 11, [10], False),
            ("$more_than", 10, [10], False),
            ("$more_than", "11", [10], True),
            ("$more_than_or_equal", 10, [10], True),
            ("$more_than_or_equal", None, [10], False),
            ("$more_than", "many", [10], False),
            ("$starts_with", "DE-12", ["DE"], True),
            ("$ends_with", "DE-12", ["13"], False),
            ("$contains", "premium", ["emi"], True),
            ("$contains", ["a"], ["a"], True),
            ("$contains", None, ["a"], False),
            ("$after", "2026-02-01", ["2026-01-31"], True),
            ("$after", "2026-01-31T00:00:00Z", ["2026-01-31"], False),
            ("$before", "2026-01-30", ["2026-01-31"], True),
            ("$before", "no date", ["2026-01-31"], False),
            ("$count", ["a", "b"], [2], True),
            ("$count_more", ["a", "b"], [2], False),
            ("$count_less", ["a"], [2], True),
        ],
    )
    def test_each_operator(
        self, operator: str, seen: Any, wanted: list[Any], expected: bool
    ) -> None:
        assert compare(Operator(operator), seen, tuple(wanted)) is expected


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("document", "words"),
        [
            ({"1": {"name": "redemption.gift.amount", "conditions": {"$is": [1]}}}, "supported"),
            ({"1": {"name": "redemption.user.login", "conditions": {"$is": ["x"]}}}, "supported"),
            ({"1": {"name": "order.amount", "conditions": {"$fits": [1]}}}, "should be"),
            ({"1": {"name": "order.amount", "conditions": {"$contains": ["x"]}}}, "use "),
            ({"1": {"name": "order.amount", "conditions": {"$more_than": ["much"]}}}, "numbers"),
            ({"1": {"name": "order.amount", "conditions": {}}}, "at least 1"),
            ({"1": {"name": "order.amount", "conditions": {"$is": []}}}, "between 1 and"),
            ({"1": {"name": "customer.metadata", "conditions": {"$is": ["x"]}}}, "needs property"),
            (
                {"1": {"name": "order.amount", "property": "x", "conditions": {"$is": [1]}}},
                "takes no property",
            ),
            (
                {
                    "1": {
                        "name": "custom_event.metadata",
                        "property": "at",
                        "conditions": {"$after": ["soon"]},
                    }
                },
                "dates",
            ),
            (
                {
                    "1": {
                        "name": "order.amount",
                        "conditions": {"$is": [1]},
                        "rules": {"1": {"name": "product.price", "conditions": {"$is": [1]}}},
                    }
                },
                "within a rule",
            ),
            ({"1": {"name": "order.amount", "conditions": {"$is": [1]}}, "logic": "1 and 2"}, "2"),
            ({"x": {"name": "order.amount", "conditions": {"$is": [1]}}}, "logic|number"),
            ({}, "at least 1"),
        ],
    )
    def test_at_creation(self, document: dict[str, Any], words: str) -> None:
        with pytest.raises(ValidationError, match=words):
            Group.model_validate(document)

    def test_a_document_comes_back_as_it_was_given(self) -> None:
        wire = {
            "1": {
                "name": "product.id",
                "conditions": {"$is": [{"id": "prod_1"}]},
                "rules": {
                    "1": {"name": "product.price", "conditions": {"$more_than": [5000]}},
                    "logic": "1",
                },
                "error": {"message": "Buy the big one"},
            },
            "2": {"name": "customer.metadata", "property": "lang", "conditions": {"$is": ["en"]}},
            "logic": "1 or (2)",
        }
        group = Group.model_validate(wire)
        assert group.model_dump(mode="json") == wire
        assert Group.model_validate(group.model_dump(mode="json")) == group


class TestVerdicts:
    def test_a_verdict_names_the_rule_and_its_numbers(self) -> None:
        asked = rule(c1=("order.amount", {"$more_than_or_equal": [6000]}))
        found = verdict(asked, look(asked, use()))
        assert (found.passed, found.rule_id) == (False, "val_1")
        assert found.numbers["1"]["value"] == 5000
        assert found.numbers["1"]["$more_than_or_equal"] == [6000]
        assert found.detail == (
            "Rule a rule (val_1): order.amount 5000: not true that it is more than or equal 6000."
        )

    def test_the_makers_words_are_said(self) -> None:
        asked = rule(error="Spend more.", c1=("order.amount", {"$more_than": [6000]}))
        assert verdict(asked, look(asked, use())).detail == "Rule a rule (val_1): Spend more."

    def test_a_verdict_repeats_nobodys_metadata(self) -> None:
        condition = {"name": "customer.metadata", "property": "town", "conditions": {"$is": ["A"]}}
        asked = rule(c1=condition)
        person = Traits({"town": "Springfield"}, frozenset())
        found = verdict(asked, look(asked, use(customer=person)))
        assert not found.passed
        assert "Springfield" not in found.model_dump_json()

    def test_the_key_is_that_of_the_first_condition_that_fails(self) -> None:
        asked = rule(
            c1=("order.amount", {"$more_than": [1]}),
            c2=("customer.segment", {"$is": ["seg_1"]}),
            c3=("redemption.api_key", {"$is": ["app_2"]}),
        )
        assert concern(asked, look(asked, use())) is Concern.CUSTOMER

    def test_an_event_condition_is_left_for_the_event(self) -> None:
        condition = {
            "name": "custom_event.metadata",
            "property": "plan",
            "conditions": {"$is": ["pro"]},
        }
        asked = rule(c1=condition)
        assert verdict(asked, look(asked, use())).passed
        assert not verdict(asked, look(asked, use(event={"plan": "free"}))).passed
        assert verdict(asked, look(asked, use(event={"plan": "pro"}))).passed


ITEMS = [
    {"product_id": "prod_tea", "quantity": 2, "price": 300, "metadata": {"kind": "drink"}},
    {"source_id": "cup", "related_object": "sku", "quantity": 1, "amount": 900},
]


class TestItems:
    @pytest.mark.parametrize(
        ("name", "conditions", "expected"),
        [
            ("product.id", {"$is": ["prod_tea"]}, True),
            ("product.id", {"$is": [{"id": "prod_tea", "source_id": ""}]}, True),
            ("product.id", {"$is": ["prod_milk"]}, False),
            ("product.id", {"$is_not": ["prod_milk"]}, True),
            ("product.id", {"$is_not": ["prod_tea"]}, False),
            ("sku.id", {"$is": ["cup"]}, True),
            ("product.id", {"$is": ["cup"]}, False),
            ("product.price", {"$more_than": [800]}, True),
            ("product.price", {"$more_than": [900]}, False),
            ("product.quantity", {"$more_than_or_equal": [2]}, True),
            ("sku.quantity", {"$more_than": [2]}, False),
            ("order.items.price_any", {"$is": [300]}, True),
            ("order.items.price_each", {"$more_than": [300]}, False),
            ("order.items.price_each", {"$more_than": [299]}, True),
            ("order.items.count", {"$is": [3]}, True),
        ],
    )
    def test_lines_of_an_order(self, name: str, conditions: dict[str, Any], expected: bool) -> None:
        asked = rule(c1=(name, conditions))
        bought = use(order=Basket(amount=1500, total_amount=1500, items=ITEMS))
        assert look(asked, bought)["1"].passed is expected

    @pytest.mark.parametrize(("least", "expected"), [(2, True), (3, False)])
    def test_rules_within_a_rule_are_about_the_same_line(self, least: int, expected: bool) -> None:
        inner = {"name": "product.quantity", "conditions": {"$more_than_or_equal": [least]}}
        condition = {
            "name": "product.id",
            "conditions": {"$is": ["prod_tea"]},
            "rules": {"1": inner, "logic": "1"},
        }
        asked = rule(c1=condition)
        bought = use(order=Basket(amount=1500, total_amount=1500, items=ITEMS))
        assert look(asked, bought)["1"].passed is expected

    @pytest.mark.parametrize(("name", "expected"), [("any", True), ("each", False)])
    def test_metadata_of_lines(self, name: str, expected: bool) -> None:
        condition = {
            "name": f"order.items.metadata_{name}",
            "property": "kind",
            "conditions": {"$is": ["drink"]},
        }
        bought = use(order=Basket(amount=1500, total_amount=1500, items=ITEMS))
        assert look(rule(c1=condition), bought)["1"].passed is expected

    @pytest.mark.parametrize("name", ["order.amount", "order.items.price_any", "product.id"])
    def test_without_an_order_nothing_holds(self, name: str) -> None:
        for operator in ("$is", "$is_not"):
            asked = rule(c1=(name, {operator: [1]}))
            assert not look(asked, use(order=None))["1"].passed
