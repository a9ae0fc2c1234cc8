"""Reads amounts and times in a provider's answer.

A malformed value gives None instead of an error, because the order itself was bought and must stay
readable.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from domain.money import Money, exponent


def money(value: Any, currency: Any) -> Money | None:
    """Major units as JSON gave them (integer, Decimal or string); None if they are not an exact
    amount of that currency.
    """
    try:
        return Money.from_major(value, currency)
    except (ValueError, TypeError):
        return None


def rounded(value: Any, currency: Any) -> Money | None:
    """Like `money`, but rounded half up to the nearest minor unit: for prices with more digits."""
    try:
        minor = Decimal(str(value)).scaleb(exponent(currency))
        return Money(amount=int(minor.quantize(Decimal(1), ROUND_HALF_UP)), currency=currency)
    except (ValueError, TypeError, ArithmeticError):
        return None


def total(parts: Iterable[Money | None]) -> Money | None:
    """The sum; None when there is nothing to add, or a part is unknown or in another currency."""
    whole: Money | None = None
    for part in parts:
        if part is None or (whole and whole.currency != part.currency):
            return None
        whole = whole + part if whole else part
    return whole


def moment(value: Any) -> datetime | None:
    """An ISO 8601 time, in UTC where it names no offset."""
    try:
        at = datetime.fromisoformat(value)
    except (ValueError, TypeError):
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
