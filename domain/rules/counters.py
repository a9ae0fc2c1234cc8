"""What rules and limits count, and in which calendar period."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum
from typing import NamedTuple


class Period(StrEnum):
    """Calendar periods in the campaign's time zone; a week begins on Monday."""

    TOTAL = "total"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


class What(StrEnum):
    """What is counted."""

    USES = "uses"
    """At a code redemption: redemptions. At a custom event: conversions."""
    ORDERS = "orders"
    """The value of those orders, minor units."""
    DISCOUNTS = "discounts"
    """The discounts of redemptions, in minor units."""


class Whose(StrEnum):
    """Whose uses in a campaign are counted."""

    CAMPAIGN = "campaign"
    CODE = "code"
    CUSTOMER = "customer"
    CUSTOMER_AND_CODE = "customer_and_code"
    REFERRER = "referrer"


class Counter(NamedTuple):
    """One number that concurrent conversions change."""

    what: What
    whose: Whose
    period: Period = Period.TOTAL

    @property
    def shared(self) -> bool:
        """Whether people of several referrers change it; then the campaign's lock protects it."""
        return self.whose is not Whose.REFERRER


class Span(NamedTuple):
    """From `start` until before `end`."""

    start: datetime
    end: datetime


_ALWAYS = Span(datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC))


def span_of(period: Period, at: datetime, zone: tzinfo) -> Span:
    """The calendar period around `at`, in the time zone `zone`: a day on which the clocks change
    has 23 or 25 hours."""
    midnight = at.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    match period:
        case Period.TOTAL:
            return _ALWAYS
        case Period.DAILY:
            start, end = midnight, midnight + timedelta(days=1)
        case Period.WEEKLY:
            start = midnight - timedelta(days=midnight.weekday())
            end = start + timedelta(days=7)
        case Period.MONTHLY:
            start = midnight.replace(day=1)
            end = (start + timedelta(days=32)).replace(day=1)
    # Arithmetic on a zoned time moves the clock's hands; UTC makes it a point in time.
    return Span(start.astimezone(UTC), end.astimezone(UTC))
