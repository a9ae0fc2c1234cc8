"""The states of a message, and what follows from each outcome of sending it.

A message is written down, claimed, sent and resolved, like an order. Between the last byte and the
server's answer nobody knows whether it was accepted. Then it is not sent again: rather once too few
than twice, and staff see it as `doubtful`. Two kinds are sent again: calls whose receiver drops
repeats by their id, and mails with a claim link, for without it the person has no reward. A mail
program that knows the Message-ID shows such a mail once."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple


class MessageStatus(StrEnum):
    """Where a message stands."""

    WAITING = "waiting"
    """For its time, or for another try after one that certainly sent nothing."""
    SENDING = "sending"
    """Claimed by an attempt. If that attempt dies, it becomes doubtful or waits again."""
    SENT = "sent"
    DOUBTFUL = "doubtful"
    """It may have been sent. A person decides whether to send it again."""
    BOUNCED = "bounced"
    """The receiving side refused it for good, or sent it back."""
    SUPPRESSED = "suppressed"
    """Not sent: the person does not want it, or the address does not work."""
    CANCELLED = "cancelled"
    """Not sent: what it announces was undone, or it could not be sent for days."""


OPEN = frozenset({MessageStatus.WAITING, MessageStatus.SENDING})
"""Something still happens by itself."""


class Result(StrEnum):
    """What an attempt found out."""

    ACCEPTED = "accepted"
    NOT_SENT = "not_sent"
    """Certainly not, and a later try may succeed."""
    REFUSED = "refused"
    """Certainly not, and no later try will succeed."""
    NO_SUCH_ADDRESS = "no_such_address"
    """The same, because of the address: it is suppressed."""
    UNKNOWN = "unknown"


class Follows(NamedTuple):
    """The message's next status; if it waits, until when."""

    status: MessageStatus
    at: datetime | None = None


GIVE_UP_AFTER = timedelta(days=3)
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=30), timedelta(hours=1)


def follows(
    result: Result, *, repeatable: bool, attempt: int, due_at: datetime, now: datetime
) -> Follows:
    """`repeatable`: sent again after an unknown outcome; `attempt`: its number, from 1."""
    if result is Result.ACCEPTED:
        return Follows(MessageStatus.SENT)
    if result in (Result.REFUSED, Result.NO_SUCH_ADDRESS):
        return Follows(MessageStatus.BOUNCED)
    if result is Result.UNKNOWN and not repeatable:
        return Follows(MessageStatus.DOUBTFUL)
    if now - due_at >= GIVE_UP_AFTER:
        unknown = result is Result.UNKNOWN
        return Follows(MessageStatus.DOUBTFUL if unknown else MessageStatus.CANCELLED)
    return Follows(MessageStatus.WAITING, now + pause_after(attempt))


def pause_after(attempt: int) -> timedelta:
    """Doubles with each attempt, from half a minute to an hour."""
    doubled: timedelta = _FIRST_PAUSE * 2 ** min(attempt - 1, 12)
    return min(doubled, _LONGEST_PAUSE)
