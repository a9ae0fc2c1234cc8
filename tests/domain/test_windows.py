"""Time windows on the campaign's own clocks, across changes of the clocks as well."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from domain.rules.counters import Period, span_of
from domain.windows import Windows

START = datetime(2026, 3, 1, 8, tzinfo=UTC)
"""09:00 in Berlin, in winter."""


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def opened(moment: str, **windows: Any) -> bool:
    return Windows.model_validate(windows).closed(at(moment), START) is None


BERLIN = {"timezone": "Europe/Berlin"}
NINE_TO_FIVE = {"hours": [{"start_time": "09:00", "expiration_time": "17:00"}]}
HAPPY = {"hours": [{"start_time": "18:00", "expiration_time": "20:00", "days_of_week": [2, 4]}]}
AT_TWO = {"hours": [{"start_time": "02:00", "expiration_time": "03:00"}]}
AT_ELEVEN = {"hours": [{"start_time": "23:00", "expiration_time": "24:00"}]}
EVERY_DAY = {"timeframe": {"interval": "P1D", "duration": "PT1H"}}
EVERY_OTHER = {"timeframe": {"interval": "P2D", "duration": "P1D"}}
EVERY_SIX = {"timeframe": {"interval": "PT6H", "duration": "PT1H"}}


class TestOpen:
    @pytest.mark.parametrize(
        ("moment", "windows", "expected"),
        [
            ("2026-11-22T03:00", {}, True),
            # 22 November 2026 is a Sunday; at 23:30 UTC it is Monday in Berlin.
            ("2026-11-22T12:00", {"days_of_week": [0]}, True),
            ("2026-11-22T12:00", {"days_of_week": [1, 2]}, False),
            ("2026-11-22T23:30", {"days_of_week": [1]} | BERLIN, True),
            ("2026-11-22T23:30", {"days_of_week": [0]} | BERLIN, False),
            ("2026-11-22T08:59:59", NINE_TO_FIVE, False),
            ("2026-11-22T09:00:00", NINE_TO_FIVE, True),
            ("2026-11-22T17:00:00", NINE_TO_FIVE, True),
            ("2026-11-22T17:00:01", NINE_TO_FIVE, False),
            # In winter Berlin is an hour ahead of UTC, in summer two.
            ("2026-01-15T08:00", NINE_TO_FIVE | BERLIN, True),
            ("2026-01-15T07:00", NINE_TO_FIVE | BERLIN, False),
            ("2026-07-15T07:00", NINE_TO_FIVE | BERLIN, True),
            ("2026-07-15T15:01", NINE_TO_FIVE | BERLIN, False),
            ("2026-11-24T19:00", HAPPY, True),
            ("2026-11-25T19:00", HAPPY, False),
            # Daily from 09:00 on Berlin's clocks: 08:00 UTC in winter, 07:00 UTC in summer.
            ("2026-03-28T08:30", EVERY_DAY | BERLIN, True),
            ("2026-03-28T07:30", EVERY_DAY | BERLIN, False),
            ("2026-03-30T07:30", EVERY_DAY | BERLIN, True),
            ("2026-03-30T08:30", EVERY_DAY | BERLIN, False),
            ("2026-03-02T08:00", EVERY_OTHER, False),
            ("2026-03-03T08:00", EVERY_OTHER, True),
            ("2026-03-04T07:59", EVERY_OTHER, True),
            ("2026-02-28T08:30", EVERY_DAY, False),
            # Every six hours is a matter of hours passed, whatever clocks show.
            ("2026-03-29T14:30", EVERY_SIX | BERLIN, True),
            ("2026-03-29T13:30", EVERY_SIX | BERLIN, False),
            # The day on which the hour from 02:00 is left out.
            ("2026-03-29T01:30", AT_TWO | BERLIN, False),
            # The day on which it comes twice: both are within.
            ("2026-10-25T00:30", AT_TWO | BERLIN, True),
            ("2026-10-25T01:30", AT_TWO | BERLIN, True),
            ("2026-10-25T02:30", AT_TWO | BERLIN, False),
            ("2026-11-22T23:59:59", AT_ELEVEN, True),
        ],
    )
    def test_at_a_moment(self, moment: str, windows: dict[str, Any], expected: bool) -> None:
        assert opened(moment, **windows) is expected


class TestRefused:
    @pytest.mark.parametrize(
        ("windows", "words"),
        [
            ({"timezone": "Mars/Base"}, "IANA"),
            ({"days_of_week": [7]}, "less than or equal to 6"),
            ({"days_of_week": []}, "at least 1"),
            ({"hours": [{"start_time": "9", "expiration_time": "17:00"}]}, "HH:mm"),
            ({"hours": [{"start_time": "17:00", "expiration_time": "09:00"}]}, "later than"),
            (NINE_TO_FIVE | {"days_of_week": [1]}, "combined"),
            (NINE_TO_FIVE | EVERY_DAY, "combined"),
            (
                {
                    "hours": [
                        {"start_time": "09:00", "expiration_time": "12:00"},
                        {"start_time": "11:00", "expiration_time": "13:00", "days_of_week": [3]},
                    ]
                },
                "overlap",
            ),
            ({"timeframe": {"interval": "PT1H", "duration": "PT2H"}}, "longer"),
        ],
    )
    def test_at_creation(self, windows: dict[str, Any], words: str) -> None:
        with pytest.raises(ValidationError, match=words):
            Windows.model_validate(windows)

    def test_adjoining_hours_are_no_overlap(self) -> None:
        hours = [
            {"start_time": "09:00", "expiration_time": "12:00"},
            {"start_time": "12:00", "expiration_time": "13:00"},
        ]
        assert Windows.model_validate({"hours": hours}).closed(at("2026-11-22T12:30"), None) is None

    def test_windows_round_trip_unchanged(self) -> None:
        stored = Windows.model_validate(NINE_TO_FIVE | BERLIN).model_dump(mode="json")
        assert stored["hours"][0]["expiration_time"] == "17:00"
        assert Windows.model_validate(stored).closed(at("2026-01-15T08:00"), None) is None


class TestPeriods:
    @pytest.mark.parametrize(
        ("period", "start", "end"),
        [
            # The day of the change of clocks has 23 hours, its week 167.
            (Period.DAILY, "2026-03-28T23:00", "2026-03-29T22:00"),
            (Period.WEEKLY, "2026-03-22T23:00", "2026-03-29T22:00"),
            (Period.MONTHLY, "2026-02-28T23:00", "2026-03-31T22:00"),
        ],
    )
    def test_by_the_campaigns_calendar(self, period: Period, start: str, end: str) -> None:
        zone = Windows.model_validate(BERLIN).zone
        span = span_of(period, at("2026-03-29T12:00"), zone)
        assert (span.start, span.end) == (at(start), at(end))

    def test_in_all_has_no_end(self) -> None:
        span = span_of(Period.TOTAL, START, Windows().zone)
        assert span.end - span.start > timedelta(days=365_000)
