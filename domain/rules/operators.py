"""Voucherify's operators: compare an actual value with the wanted ones.

A missing value is `None`: equal to nothing, and neither more nor less."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from domain.dates import begins, ends


class Operator(StrEnum):
    """A comparison, and its words."""

    IS = "$is"
    IS_NOT = "$is_not"
    IN = "$in"
    NOT_IN = "$not_in"
    HAS_VALUE = "$has_value"
    IS_UNKNOWN = "$is_unknown"
    LESS_THAN = "$less_than"
    LESS_THAN_OR_EQUAL = "$less_than_or_equal"
    MORE_THAN = "$more_than"
    MORE_THAN_OR_EQUAL = "$more_than_or_equal"
    STARTS_WITH = "$starts_with"
    ENDS_WITH = "$ends_with"
    CONTAINS = "$contains"
    AFTER = "$after"
    BEFORE = "$before"
    COUNT = "$count"
    COUNT_MORE = "$count_more"
    COUNT_LESS = "$count_less"

    @property
    def words(self) -> str:
        """Its words in a sentence: "is more than"."""
        text = self.value.removeprefix("$").replace("_", " ")
        return (
            text if text.startswith(("is", "has", "starts", "ends", "contains")) else f"is {text}"
        )


EQUALITY = frozenset({Operator.IS, Operator.IS_NOT, Operator.IN, Operator.NOT_IN})
MAGNITUDE = frozenset(
    {
        Operator.LESS_THAN,
        Operator.LESS_THAN_OR_EQUAL,
        Operator.MORE_THAN,
        Operator.MORE_THAN_OR_EQUAL,
    }
)
MOMENT = frozenset({Operator.AFTER, Operator.BEFORE})
LENGTH = frozenset({Operator.COUNT, Operator.COUNT_MORE, Operator.COUNT_LESS})
TEXT = frozenset({Operator.STARTS_WITH, Operator.ENDS_WITH, Operator.CONTAINS})


def compare(
    operator: Operator, seen: Any, wanted: tuple[Any, ...], days: ZoneInfo | None = None
) -> bool:
    """Whether the comparison is true.

    With several wanted values, one match is enough (for `$is_not` and `$not_in`, one match is too
    many). `days`: the time zone in which a date without a time is a whole day; None for older
    terms, where it is its first moment, UTC."""
    match operator:
        case Operator.IS | Operator.IN:
            return _is_one_of(seen, wanted)
        case Operator.IS_NOT | Operator.NOT_IN:
            return not _is_one_of(seen, wanted)
        case Operator.HAS_VALUE:
            return seen is not None
        case Operator.IS_UNKNOWN:
            return seen is None
        case Operator.AFTER if days:
            return any(_is_after(seen, one, days) for one in wanted)
        case Operator.BEFORE if days:
            return any(_is_before(seen, one, days) for one in wanted)
        case _:
            holds = _COMPARISONS[operator]
            return any(holds(seen, one) for one in wanted)


def member_of(document: Any, path: str) -> Any:
    """A member of metadata; dots address nested ones."""
    if isinstance(document, dict) and path in document:
        return document[path]
    for name in path.split("."):
        document = document.get(name) if isinstance(document, dict) else None
    return document


def check_wanted(operator: Operator, wanted: tuple[Any, ...]) -> None:
    """Raises ValueError for wanted values that this operator cannot compare with anything."""
    if operator in MAGNITUDE | LENGTH and any(_number(one) is None for one in wanted):
        raise ValueError(f"{operator} compares with numbers")
    if operator in MOMENT and any(_moment(one) is None for one in wanted):
        raise ValueError(f"{operator} compares with dates (ISO 8601)")
    if operator in TEXT and not all(isinstance(one, str) and one for one in wanted):
        raise ValueError(f"{operator} compares with text")


def _is_one_of(seen: Any, wanted: tuple[Any, ...]) -> bool:
    values = seen if isinstance(seen, (list, tuple, set, frozenset)) else [seen]
    return any(_same(value, one) for value in values for one in wanted)


def _same(seen: Any, wanted: Any) -> bool:
    # In JSON true is not a number, but in Python it is 1.
    return isinstance(seen, bool) == isinstance(wanted, bool) and bool(seen == wanted)


def _number(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str, Decimal)):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _moment(value: Any) -> datetime | None:
    if isinstance(value, datetime):
        moment = value
    elif isinstance(value, date):
        moment = datetime(value.year, value.month, value.day)  # noqa: DTZ001 - UTC is put in below
    elif isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return None
    else:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _is_after(seen: Any, wanted: Any, zone: ZoneInfo) -> bool:
    """After the whole wanted day; a seen day counts from its first moment."""
    left, right = _day_or_moment(seen), _day_or_moment(wanted)
    if left is None or right is None:
        return False
    if isinstance(right, datetime):
        return begins(left, zone) > right
    return begins(left, zone) >= ends(right, zone)


def _is_before(seen: Any, wanted: Any, zone: ZoneInfo) -> bool:
    left, right = _day_or_moment(seen), _day_or_moment(wanted)
    return left is not None and right is not None and begins(left, zone) < begins(right, zone)


def _day_or_moment(value: Any) -> date | datetime | None:
    try:
        if isinstance(value, str) and len(value) == len("2026-12-31"):
            value = date.fromisoformat(value)
    except ValueError:
        return None
    if isinstance(value, date) and not isinstance(value, datetime):
        # The last day of the calendar has no end.
        return value if value < date.max else None
    return _moment(value)


def _by_number(holds: Callable[[Decimal, Decimal], bool]) -> Callable[[Any, Any], bool]:
    def compared(seen: Any, wanted: Any) -> bool:
        left, right = _number(seen), _number(wanted)
        return left is not None and right is not None and holds(left, right)

    return compared


def _by_moment(holds: Callable[[datetime, datetime], bool]) -> Callable[[Any, Any], bool]:
    def compared(seen: Any, wanted: Any) -> bool:
        left, right = _moment(seen), _moment(wanted)
        return left is not None and right is not None and holds(left, right)

    return compared


def _by_length(holds: Callable[[Decimal, Decimal], bool]) -> Callable[[Any, Any], bool]:
    numbers = _by_number(holds)
    return lambda seen, wanted: numbers(len(seen) if isinstance(seen, list) else 0, wanted)


def _contains(seen: Any, wanted: Any) -> bool:
    return isinstance(seen, (str, list)) and wanted in seen


_COMPARISONS: dict[Operator, Callable[[Any, Any], bool]] = {
    Operator.LESS_THAN: _by_number(lambda seen, wanted: seen < wanted),
    Operator.LESS_THAN_OR_EQUAL: _by_number(lambda seen, wanted: seen <= wanted),
    Operator.MORE_THAN: _by_number(lambda seen, wanted: seen > wanted),
    Operator.MORE_THAN_OR_EQUAL: _by_number(lambda seen, wanted: seen >= wanted),
    Operator.STARTS_WITH: lambda seen, one: isinstance(seen, str) and seen.startswith(one),
    Operator.ENDS_WITH: lambda seen, one: isinstance(seen, str) and seen.endswith(one),
    Operator.CONTAINS: _contains,
    Operator.AFTER: _by_moment(lambda seen, wanted: seen > wanted),
    Operator.BEFORE: _by_moment(lambda seen, wanted: seen < wanted),
    Operator.COUNT: _by_length(lambda seen, wanted: seen == wanted),
    Operator.COUNT_MORE: _by_length(lambda seen, wanted: seen > wanted),
    Operator.COUNT_LESS: _by_length(lambda seen, wanted: seen < wanted),
}
