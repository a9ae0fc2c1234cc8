"""Times, days and time zones as callers and files write them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Annotated, Any
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    AfterValidator,
    BeforeValidator,
    PlainSerializer,
    PlainValidator,
    TypeAdapter,
    WithJsonSchema,
)
from pydantic_core import to_jsonable_python

FIRST_YEAR, LAST_YEAR = 1970, 9000
"""Years that can be stored and moved between time zones without overflow."""
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DIGITS = re.compile(r"\s*[+-]?[0-9]+(\.[0-9]*)?\s*")


def in_calendar(value: datetime) -> datetime:
    """The same time in UTC, also if it names no zone. Raises ValueError for a year out of range."""
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise ValueError(f"the year must lie between {FIRST_YEAR} and {LAST_YEAR}")
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def not_digits(value: Any) -> Any:
    """Refuse numbers and bare digits: 20261231 is a day to its writer, but seconds since 1970 to a
    parser. Raises ValueError."""
    if isinstance(value, int | float) or (isinstance(value, str) and _DIGITS.fullmatch(value)):
        raise ValueError("write a time as 2026-12-31T23:59:00Z, a day as 2026-12-31")
    return value


Instant = Annotated[datetime, BeforeValidator(not_digits), AfterValidator(in_calendar)]
"""RFC 3339; without an offset it is UTC."""
Day = Annotated[date, BeforeValidator(not_digits)]
"""ISO 8601, such as 1990-12-31."""
_INSTANT: TypeAdapter[datetime] = TypeAdapter(Instant)


def _day_or_instant(value: Any) -> date | datetime:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if not (isinstance(value, str) and _DAY.fullmatch(value.strip())):
        return _INSTANT.validate_python(value)
    day = date.fromisoformat(value.strip())
    in_calendar(datetime.combine(day, time(), UTC))
    return day


DayOrInstant = Annotated[
    date | datetime, PlainValidator(_day_or_instant, json_schema_input_type=datetime | date)
]
"""An instant, or a whole day in the time zone given to `begins` and `ends`."""


def begins(value: date | datetime, zone: ZoneInfo) -> datetime:
    """The instant, or the first one of the day."""
    if isinstance(value, datetime):
        return value
    return datetime.combine(value, time(), zone).astimezone(UTC)


def ends(value: date | datetime, zone: ZoneInfo) -> datetime:
    """The instant, or the first one after the day."""
    return begins(value if isinstance(value, datetime) else value + timedelta(days=1), zone)


def _in_days(value: timedelta) -> str:
    """ISO 8601 without years: pydantic writes 365 days as P1Y, which readers take for a calendar
    year."""
    days = timedelta(days=value.days)
    rest = to_jsonable_python(value - days).removeprefix("P")
    if not value.days:
        return f"P{rest}"
    return f"P{value.days}D" + (rest if value != days else "")


InDays = Annotated[
    timedelta,
    PlainSerializer(_in_days, when_used="json-unless-none"),
    WithJsonSchema({"type": "string", "format": "duration"}, mode="serialization"),
]
"""A duration that is written in days and hours, such as P400D."""


# Cached: listing walks the zone database's folders, which takes about 70 ms, and terms are read
# often.
_names = cache(available_timezones)


def _known(name: str) -> str:
    if name not in _names():
        raise ValueError(f"{name} is no IANA time zone such as Europe/Berlin")
    return name


ZoneName = Annotated[str, AfterValidator(_known)]
