"""When a code may be used: weekdays, hours and recurring periods, in the campaign's time zone."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    model_validator,
)

from domain.dates import InDays, ZoneName

_DAY = timedelta(days=1)


def _weekdays(days: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sorted(set(days)))


def _minutes(value: Any) -> Any:
    """`HH:mm` as minutes since midnight; 24:00 is the day's end."""
    if not isinstance(value, str):
        return value
    if value == "24:00":
        return 24 * 60
    try:
        moment = time.fromisoformat(value)
    except ValueError:
        raise ValueError("must be HH:mm, such as 09:30") from None
    if len(value) != 5 or moment.second:
        raise ValueError("must be HH:mm, such as 09:30")
    return moment.hour * 60 + moment.minute


Weekday = Annotated[int, Field(ge=0, le=6, description="0 is Sunday, as Voucherify counts.")]
Weekdays = Annotated[tuple[Weekday, ...], Field(min_length=1), AfterValidator(_weekdays)]
_Written = Annotated[str, Field(pattern=r"^(([01]\d|2[0-3]):[0-5]\d|24:00)$")]
MinuteOfDay = Annotated[
    int,
    BeforeValidator(_minutes, json_schema_input_type=_Written),
    Field(ge=0, le=24 * 60),
    PlainSerializer(lambda minutes: f"{minutes // 60:02}:{minutes % 60:02}", return_type=str),
]


class Frozen(BaseModel):
    """Part of a campaign's terms."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Timeframe(Frozen):
    """Open for `duration` at the start of each `interval`, counted from the campaign's start.
    Intervals of whole days follow the clock: 09:00 stays 09:00 when clocks change."""

    interval: InDays = Field(gt=timedelta(0), le=timedelta(days=366), examples=["P2D"])
    duration: InDays = Field(gt=timedelta(0), examples=["PT1H"])

    @model_validator(mode="after")
    def _fits(self) -> Timeframe:
        if self.duration > self.interval:
            raise ValueError("duration must not be longer than interval")
        return self

    def holds(self, at: datetime, start: datetime, zone: ZoneInfo) -> bool:
        by_clock = not self.interval % _DAY
        passed = _clock(at, zone) - _clock(start, zone) if by_clock else at - start
        return passed >= timedelta(0) and passed % self.interval < self.duration


class Hours(Frozen):
    """Open from `start_time` through `expiration_time`."""

    start_time: MinuteOfDay = Field(examples=["09:00"])
    expiration_time: MinuteOfDay = Field(examples=["17:00"])
    days_of_week: Weekdays = (0, 1, 2, 3, 4, 5, 6)

    @model_validator(mode="after")
    def _forward(self) -> Hours:
        if self.expiration_time <= self.start_time:
            raise ValueError("expiration_time must be later than start_time, on the same day")
        return self

    def holds(self, clock: datetime) -> bool:
        since = timedelta(hours=clock.hour, minutes=clock.minute, seconds=clock.second)
        start, end = timedelta(minutes=self.start_time), timedelta(minutes=self.expiration_time)
        return _weekday(clock) in self.days_of_week and start <= since <= end

    def overlaps(self, other: Hours) -> bool:
        """Whether both are open at some moment."""
        together = set(self.days_of_week) & set(other.days_of_week)
        earlier, later = sorted((self, other), key=lambda hours: hours.start_time)
        return bool(together) and later.start_time < earlier.expiration_time


class Windows(Frozen):
    """When codes may be used, besides the campaign's own dates. Empty: always."""

    timezone: ZoneName = "UTC"
    timeframe: Timeframe | None = None
    days_of_week: Weekdays | None = None
    hours: tuple[Hours, ...] = Field(default=(), max_length=50)

    @model_validator(mode="after")
    def _agree(self) -> Windows:
        if self.hours and (self.timeframe or self.days_of_week):
            raise ValueError("validity_hours cannot be combined with the other recurring limits")
        pairs = ((a, b) for i, a in enumerate(self.hours) for b in self.hours[i + 1 :])
        if any(one.overlaps(other) for one, other in pairs):
            raise ValueError("validity_hours must not overlap")
        return self

    @property
    def always(self) -> bool:
        """Whether codes may be used at any time."""
        return not (self.timeframe or self.days_of_week or self.hours)

    @property
    def zone(self) -> ZoneInfo:
        """The campaign's time zone."""
        return ZoneInfo(self.timezone)

    def closed(self, at: datetime, start: datetime | None) -> str | None:
        """Why a code cannot be used at this moment, in words; None if it can. `start` is the
        campaign's."""
        clock = _clock(at, self.zone)
        if self.days_of_week is not None and _weekday(clock) not in self.days_of_week:
            return f"not on the weekdays {_listed(self.days_of_week)}"
        if self.timeframe and start and not self.timeframe.holds(at, start, self.zone):
            return f"between the periods of {self.timeframe.duration}"
        if self.hours and not any(hours.holds(clock) for hours in self.hours):
            return "outside the valid hours"
        return None


def _clock(at: datetime, zone: ZoneInfo) -> datetime:
    """The local time on a wall clock."""
    return at.astimezone(zone).replace(tzinfo=None)


def _weekday(clock: datetime) -> int:
    return clock.isoweekday() % 7


def _listed(days: tuple[int, ...]) -> str:
    names = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
    return ", ".join(names[day] for day in days)
