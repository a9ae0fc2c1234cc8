"""Hours in which nobody is disturbed, in the person's own time zone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from domain.dates import ZoneName

_MEMBERS = ("timezone", "time_zone", "tz")
"""Members of a customer's metadata that name a time zone."""
_ZONE: TypeAdapter[str] = TypeAdapter(ZoneName)


_CLOCK = "^([01][0-9]|2[0-3]):[0-5][0-9]$"


def _clock(value: Any) -> time:
    if isinstance(value, time):
        return value
    if not isinstance(value, str) or not re.match(_CLOCK, value):
        raise ValueError("write an hour of the day as 21:00, without an offset: it is the person's")
    return time.fromisoformat(value)


Clock = Annotated[
    time,
    PlainValidator(_clock),
    PlainSerializer(lambda value: f"{value:%H:%M}", return_type=str),
    WithJsonSchema({"type": "string", "pattern": _CLOCK}),
]
"""A time of day, to the minute."""


class QuietHours(BaseModel):
    """From `begin` until `end`, which may lie on the next day. `time_zone` is for people whose own
    is not known."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    begin: Clock = Field(alias="from", examples=["21:00"])
    end: Clock = Field(alias="to", examples=["08:00"])
    time_zone: ZoneName = Field(default="UTC", examples=["America/New_York"])

    @model_validator(mode="after")
    def _leaves_time(self) -> Self:
        if self.begin == self.end:
            raise ValueError("quiet hours that begin and end at the same time never let go")
        return self

    def contains(self, clock: time) -> bool:
        """Whether it is quiet at this time of day."""
        if self.begin < self.end:
            return self.begin <= clock < self.end
        return clock >= self.begin or clock < self.end

    def opens(self, at: datetime, zone: ZoneInfo) -> datetime:
        """`at`, or the end of the quiet hours that it falls into, UTC."""
        local = at.astimezone(zone)
        if not self.contains(local.time()):
            return at.astimezone(UTC)
        day = local.date()
        if local.time() >= self.end:
            day += timedelta(days=1)
        end = datetime.combine(day, self.end, zone).astimezone(UTC)
        # Where clocks go back, the hour of the end comes twice: the first may be past.
        return end if end > at else end + timedelta(hours=1)


def zone_of(metadata: Mapping[str, Any], otherwise: str) -> ZoneInfo:
    """The time zone that a customer's metadata name, else the given one."""
    for name in _MEMBERS:
        try:
            return ZoneInfo(_ZONE.validate_python(metadata.get(name)))
        except ValidationError:
            continue
    return ZoneInfo(otherwise)
