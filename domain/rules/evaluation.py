"""Judges a rule by what is known of a code's use, or of the event that converts it."""

from __future__ import annotations

from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from domain.amounts import Traits
from domain.rules.counters import Counter
from domain.rules.lines import lines_hold, quantity_of
from domain.rules.operators import member_of
from domain.rules.properties import Concern, Source
from domain.rules.rule import Condition, Rule
from domain.verdict import Verdict


class Basket(BaseModel):
    """The order behind a use. Amounts in minor units: before the discount, and the rest."""

    amount: int
    total_amount: int
    items: list[dict[str, Any]] = []
    metadata: dict[str, Any] = {}

    @property
    def items_count(self) -> int:
        """The number of things bought."""
        return sum(quantity_of(item) for item in self.items)


class Use(NamedTuple):
    """What a rule is judged by. `event`: the metadata of a custom event; None at a redemption.
    `counts` include this use."""

    customer: Traits
    order: Basket | None
    metadata: dict[str, Any]
    event: dict[str, Any] | None
    api_key: str | None
    counts: dict[Counter, int]
    days: ZoneInfo | None = None
    """The time zone in which dates without a time are whole days."""


class Seen(BaseModel):
    """The result of a condition. `value` only if it says nothing about a person: amounts and
    counts, never metadata."""

    passed: bool
    value: int | None = None


def look(rule: Rule, use: Use) -> dict[str, Seen]:
    """The result of each condition. At a redemption, conditions about an event are left for the
    event."""
    return {key: _seen(one, use) for key, one in rule.rules.conditions.items()}


def verdict(rule: Rule, seen: dict[str, Seen]) -> Verdict:
    """The rule's verdict: which rule, by id and in words, and the numbers."""
    passed = rule.rules.sentence.holds({key: one.passed for key, one in seen.items()})
    named = f"Rule {rule.name} ({rule.id})" if rule.name else f"Rule {rule.id}"
    return Verdict(
        check="validation_rule",
        passed=passed,
        detail=f"{named} is met." if passed else f"{named}: {_words(rule, seen)}",
        numbers={key: _numbers(rule.rules.conditions[key], one) for key, one in seen.items()},
        rule_id=rule.id,
    )


def concern(rule: Rule, seen: dict[str, Seen]) -> Concern:
    """What the refusal is about: the first condition that does not hold."""
    failed = (rule.rules.conditions[key].asks.concern for key in seen if not seen[key].passed)
    return next(failed, Concern.REDEMPTION)


def _seen(condition: Condition, use: Use) -> Seen:
    asks = condition.asks
    match asks.source:
        case Source.ITEM | Source.EACH_ITEM:
            return Seen(
                passed=lines_hold(condition, use.order.items if use.order else [], use.days)
            )
        case Source.EVENT_METADATA if use.event is None:
            return Seen(passed=True)
        case Source.ORDER | Source.ORDER_METADATA if use.order is None:
            return Seen(passed=False)
    value = _value(condition, use)
    shown = value if asks.source in (Source.ORDER, Source.COUNT) else None
    return Seen(passed=condition.holds(value, use.days), value=shown)


def _value(condition: Condition, use: Use) -> Any:
    asks, name = condition.asks, condition.member or ""
    match asks.source:
        case Source.SEGMENT:
            return use.customer.segments
        case Source.CUSTOMER_METADATA:
            return member_of(use.customer.metadata, name)
        case Source.ORDER:
            return getattr(use.order, asks.member)
        case Source.ORDER_METADATA:
            return member_of(use.order.metadata if use.order else {}, name)
        case Source.METADATA:
            return member_of(use.metadata, name)
        case Source.EVENT_METADATA:
            return member_of(use.event or {}, name)
        case Source.API_KEY:
            return use.api_key
        case _:
            return use.counts[asks.counter] if asks.counter else None


def _numbers(condition: Condition, seen: Seen) -> dict[str, Any]:
    wanted = {str(operator): list(values) for operator, values in condition.conditions.items()}
    name = f"{condition.name} {condition.member}" if condition.member else condition.name
    value = {} if seen.value is None else {"value": seen.value}
    return {"name": name, **wanted, "passed": seen.passed, **value}


def _words(rule: Rule, seen: dict[str, Seen]) -> str:
    """The rule's own message, else the condition that was not met."""
    if rule.error and rule.error.message:
        return rule.error.message
    failed = [(rule.rules.conditions[key], one) for key, one in seen.items() if not one.passed]
    return "; ".join(_asked(condition, one) for condition, one in failed) + "."


def _asked(condition: Condition, seen: Seen) -> str:
    if condition.error and condition.error.message:
        return condition.error.message.rstrip(".")
    name = f"{condition.name} {condition.member}" if condition.member else condition.name
    value = "" if seen.value is None else f" {seen.value}"
    asked = " and ".join(
        f"{operator.words} {', '.join(str(one) for one in wanted)}"
        for operator, wanted in condition.conditions.items()
    )
    return f"{name}{value}: not true that it {asked}"
