"""Names of IANA time zones."""

from __future__ import annotations

from functools import cache
from typing import Annotated
from zoneinfo import available_timezones

from pydantic import AfterValidator

# Cached: listing walks the zone database's folders, which takes about 70 ms, and terms are read
# often.
_names = cache(available_timezones)


def _known(name: str) -> str:
    if name not in _names():
        raise ValueError(f"{name} is no IANA time zone such as Europe/Berlin")
    return name


ZoneName = Annotated[str, AfterValidator(_known)]
