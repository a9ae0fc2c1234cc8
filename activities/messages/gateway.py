"""Sends text messages, and anything else, by a signed HTTP call to a configured address.

The call carries the message's id as `webhook-id` at each attempt: the receiver drops repeats by it.
"""

from __future__ import annotations

from typing import Any

from pydantic_core import to_json

from activities.messages.outcome import ACCEPTED, Outcome
from activities.outbound import NoAnswer, Outbound, TargetRefused, signed
from domain.messaging.channels import Channel
from domain.messaging.sending import Result
from store.messages.claim import Attempt

_PASSES = frozenset({408, 425, 429})
"""Statuses that a later attempt may not meet."""


async def call(outbound: Outbound, attempt: Attempt) -> Outcome:
    """Post the message; never raises."""
    if attempt.url is None or attempt.secret is None:
        return Outcome(Result.REFUSED, "The distribution has no address for its calls.")
    body = to_json(_body(attempt))
    headers = signed(attempt.secret, attempt.message_id, body)
    try:
        status = await outbound.post(attempt.url, body, headers)
    except TargetRefused as refused:
        return Outcome(Result.REFUSED, f"The address is not called: {refused}.")
    except NoAnswer as lost:
        return Outcome(Result.UNKNOWN, f"The call was not answered: {lost}.")
    return _read(status)


def _read(status: int) -> Outcome:
    if 200 <= status < 300:
        return ACCEPTED
    followed = "; redirects are not followed" if 300 <= status < 400 else ""
    words = f"The receiver answered HTTP {status}{followed}."
    if status in _PASSES:
        return Outcome(Result.NOT_SENT, words)
    return Outcome(Result.UNKNOWN if status >= 500 else Result.REFUSED, words)


def _body(attempt: Attempt) -> dict[str, Any]:
    if attempt.channel is Channel.HTTP:
        return attempt.rendered.body or {}
    return {
        "type": "message",
        "id": attempt.message_id,
        "to": attempt.address,
        "text": attempt.rendered.text,
        "language": attempt.rendered.language,
    }
