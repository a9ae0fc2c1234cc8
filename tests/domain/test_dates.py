"""Times and days as callers write them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import TypeAdapter, ValidationError

from domain.dates import Day, DayOrInstant, InDays, Instant, begins, ends

NEW_YORK = ZoneInfo("America/New_York")
INSTANT: TypeAdapter[datetime] = TypeAdapter(Instant)
BOUND: TypeAdapter[date | datetime] = TypeAdapter(DayOrInstant)
DIGITS = ["20261231", "0", "1798675200", " 1798675200 ", "-1", "1798675200.5", 20261231, 1.5, True]


@pytest.mark.parametrize("given", DIGITS)
@pytest.mark.parametrize("kind", [Instant, Day, DayOrInstant])
def test_digits_are_no_time(given: Any, kind: Any) -> None:
    with pytest.raises(ValidationError, match="2026-12-31T23:59:00Z"):
        TypeAdapter(kind).validate_python(given)


@pytest.mark.parametrize(
    "given", ["9999-12-31T23:59:59-05:00", "9999-12-31", "1969-12-31", "0001-01-01T00:00:00+01:00"]
)
def test_a_year_that_cannot_be_kept_is_refused(given: str) -> None:
    for kind in (INSTANT, BOUND):
        with pytest.raises(ValidationError, match="between 1970 and 9000"):
            kind.validate_python(given)


def test_a_day_is_the_whole_day_on_the_clocks_of_its_zone() -> None:
    day = BOUND.validate_python("2026-12-31")
    assert day == date(2026, 12, 31)
    assert begins(day, NEW_YORK) == datetime(2026, 12, 31, 5, tzinfo=UTC)
    assert ends(day, NEW_YORK) == datetime(2027, 1, 1, 5, tzinfo=UTC)


def test_a_day_on_which_clocks_change_has_23_hours() -> None:
    day = date(2026, 3, 8)
    assert (ends(day, NEW_YORK) - begins(day, NEW_YORK)).total_seconds() == 23 * 3600


def test_an_instant_is_itself_in_every_zone() -> None:
    at = BOUND.validate_python("2026-12-31T23:59:59+01:00")
    assert (
        begins(at, NEW_YORK) == ends(at, NEW_YORK) == datetime(2026, 12, 31, 22, 59, 59, tzinfo=UTC)
    )


def test_without_an_offset_it_is_utc() -> None:
    assert INSTANT.validate_python("2026-12-31") == datetime(2026, 12, 31, tzinfo=UTC)
    assert INSTANT.validate_python("2026-12-31T10:00") == datetime(2026, 12, 31, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    "written", ["PT0S", "PT1H30M", "P1DT12H", "P30D", "P365D", "P3136D", "P400DT5H"]
)
def test_a_duration_is_written_in_days_and_hours_never_in_years(written: str) -> None:
    adapter: TypeAdapter[timedelta] = TypeAdapter(InDays)
    assert adapter.dump_python(adapter.validate_python(written), mode="json") == written
