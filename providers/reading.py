"""Reads a provider's answers: exact numbers, no leaked secrets, within the rate limit."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import httpx

from domain.json_text import storable
from domain.money import Money, exponent
from domain.orders import Recipient
from providers.outcomes import NotSent, ProviderError, RateLimited

_UNREADABLE = (
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RecursionError,
)
_REFUSALS = 2
_LONGEST = 200


def document(response: httpx.Response) -> dict[str, Any]:
    """The answer's JSON object; fractions stay exact. Raises ValueError if there is none."""
    body = json.loads(response.content, parse_float=Decimal)
    if not isinstance(body, dict):
        raise ValueError("the answer is no JSON object")
    return body


@contextmanager
def reading(what: str, *, lost: type[ProviderError] = NotSent) -> Iterator[None]:
    """Convert the errors of an unexpected answer to `lost`.

    The original error is dropped: it may quote the answer, which can contain a card's secret."""
    try:
        yield
    except _UNREADABLE:
        raise lost(f"{what}: an answer that cannot be read") from None


def fit_to_tell(message: object, recipient: Recipient) -> str:
    """A provider's message, shortened; empty if it repeats anything of the recipient's, as
    validation errors do. Messages go into timelines and logs."""
    said = storable(str(message or "")).strip()
    values = [recipient.name, recipient.email, recipient.phone, *(recipient.address or {}).values()]
    private = {word for value in values if value for word in str(value).casefold().split()}
    mentions = any(len(word) > 2 and word in said.casefold() for word in private)
    return "" if mentions else said[:_LONGEST]


async def in_turn(read: Callable[[], Awaitable[httpx.Response]], *, every: float) -> httpx.Response:
    """One more of several reads that belong together.

    If the rate limit refuses it, it waits and tries again, so that the earlier reads are not lost.
    Raises RateLimited after three refusals."""
    wait = every
    for _ in range(_REFUSALS):
        try:
            return await read()
        except RateLimited as limited:
            wait = limited.retry_after.total_seconds() if limited.retry_after else max(1, 2 * wait)
        await asyncio.sleep(wait)
    return await read()


def money(value: Any, currency: Any) -> Money | None:
    """Major units as JSON gave them (integer, Decimal or string); None if they are not an exact
    amount of that currency."""
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
