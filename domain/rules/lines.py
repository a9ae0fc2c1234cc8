"""Conditions about the lines of an order, which callers send with any members."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from domain.rules.operators import compare, member_of
from domain.rules.properties import Source
from domain.rules.rule import Condition


def lines_hold(
    condition: Condition, items: list[dict[str, Any]], days: ZoneInfo | None = None
) -> bool:
    """Whether the order's lines meet the condition; an order without lines meets none. `days`: see
    `compare`."""
    if not items:
        return False
    each = [_line_holds(condition, item, days) for item in items]
    # "Is not the product X" is about the whole order.
    every = condition.asks.source is Source.EACH_ITEM or not _any_is_enough(condition)
    return all(each) if every else any(each)


def _any_is_enough(condition: Condition) -> bool:
    return not any(operator.value in ("$is_not", "$not_in") for operator in condition.conditions)


def _line_holds(condition: Condition, item: dict[str, Any], days: ZoneInfo | None) -> bool:
    member = condition.asks.member
    if member in ("product", "sku"):
        return _is_thing(condition, item) and _inner_holds(condition, item, days)
    if member == "metadata":
        return condition.holds(member_of(_metadata(item), condition.member or ""), days)
    return condition.holds(_price(item) if member == "price" else quantity_of(item))


def _inner_holds(condition: Condition, item: dict[str, Any], days: ZoneInfo | None) -> bool:
    inner = condition.rules
    if inner is None:
        return True
    return inner.sentence.holds(
        {key: _line_holds(one, item, days) for key, one in inner.conditions.items()}
    )


def _is_thing(condition: Condition, item: dict[str, Any]) -> bool:
    kind = condition.asks.member
    inside = item.get(kind)
    ids = [item.get(f"{kind}_id")]
    if isinstance(inside, dict):
        ids += [inside.get("id"), inside.get("source_id")]
    if item.get("related_object", "product") == kind:
        ids.append(item.get("source_id"))
    known = [one for one in ids if one]
    return all(
        compare(operator, known, tuple(name for one in wanted for name in _names(one)))
        for operator, wanted in condition.conditions.items()
    )


def _names(wanted: Any) -> list[Any]:
    """A product as a rule names it: its id, or an object with `id` and `source_id`."""
    if not isinstance(wanted, dict):
        return [wanted]
    return [wanted[name] for name in ("id", "source_id") if wanted.get(name)]


def _metadata(item: dict[str, Any]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for source in (item.get("product"), item.get("sku"), item):
        if isinstance(source, dict) and isinstance(source.get("metadata"), dict):
            merged |= source["metadata"]
    return merged


def quantity_of(item: dict[str, Any]) -> int:
    """The pieces in the line; one by default."""
    quantity = item.get("quantity")
    return quantity if isinstance(quantity, int) else 1


def _price(item: dict[str, Any]) -> int | None:
    """Per piece, minor units."""
    price, amount = item.get("price"), item.get("amount")
    if isinstance(price, int):
        return price
    return amount // max(quantity_of(item), 1) if isinstance(amount, int) else None
