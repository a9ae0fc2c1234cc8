"""Records the outcome of an attempt, and what follows from it."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlmodel import col

from domain.messaging.channels import Channel
from domain.messaging.sending import MessageStatus, Result, follows
from domain.refusals import existing
from store.database import Transaction
from store.messages import suppressions
from store.messages.suppressions import Because
from store.tables import Message, MessageDistribution

_TITLES = {
    MessageStatus.SENT: "Message sent {channel}: {name}",
    MessageStatus.DOUBTFUL: "Message may not have been sent {channel}: {name}",
    MessageStatus.BOUNCED: "Message came back {channel}: {name}",
    MessageStatus.SUPPRESSED: "Message not sent {channel}: {name}",
    MessageStatus.CANCELLED: "Message cancelled {channel}: {name}",
}
_DOUBT = " Send it again if the person does not have it."


async def resolve(
    tx: Transaction,
    message_id: str,
    attempt: int,
    result: Result,
    detail: str | None,
    longest_pause: timedelta,
) -> datetime | None:
    """Record what attempt number `attempt` found out; return when to try again, None if never.

    An answer that comes after the claim ran out still counts, unless another attempt has begun.
    `detail` quotes no personal data."""
    message, at = await locked(tx, message_id)
    answered = message.status in (MessageStatus.SENDING, MessageStatus.DOUBTFUL)
    if answered and message.attempt == attempt:
        if result is Result.NO_SUCH_ADDRESS and message.address is not None:
            channel = Channel(message.channel)
            await suppressions.suppress(tx, channel, message.address, Because.BOUNCED, message.id)
        await follow_up(tx, message, result, detail, at, longest_pause)
    return message.next_at if message.status == MessageStatus.WAITING else None


async def follow_up(
    tx: Transaction,
    message: Message,
    result: Result,
    detail: str | None,
    at: datetime,
    longest_pause: timedelta,
) -> None:
    """Settle the message, or have it wait for another attempt. The caller holds its lock."""
    repeatable = message.carries_claim or Channel(message.channel).repeats_safely
    attempt, due = message.attempt, message.due_at
    then = follows(result, repeatable=repeatable, attempt=attempt, due_at=due, now=at)
    if then.at is None:
        await settle(tx, message, then.status, detail)
        return
    message.status, message.detail, message.claimed_until = then.status, detail, None
    message.next_at, message.updated_at = min(then.at, at + longest_pause), tx.now


async def locked(tx: Transaction, message_id: str) -> tuple[Message, datetime]:
    """The message's row, locked, and the database's time, which all workers share. Raises
    NotFound."""
    row = await tx.session.execute(
        select(Message, func.clock_timestamp())
        .where(col(Message.id) == message_id)
        .with_for_update(of=Message)
    )
    message, at = existing(row.one_or_none(), "message", message_id)
    return message, at


async def settle(
    tx: Transaction, message: Message, status: MessageStatus, detail: str | None
) -> None:
    """Nothing happens by itself any more. The caller holds the row's lock. Timelines show it."""
    message.status, message.detail = status, detail
    message.claimed_until, message.updated_at = None, tx.now
    if status is MessageStatus.SENT:
        message.sent_at = tx.now
    distribution = await tx.session.get_one(MessageDistribution, message.distribution_id)
    channel = Channel(message.channel)
    doubt = _DOUBT if status is MessageStatus.DOUBTFUL else ""
    tx.record(
        f"message.{status}",
        _TITLES[status].format(channel=channel.words, name=distribution.name),
        detail=((detail or "") + doubt).strip() or None,
        attempt=message.attempt or None,
        data={"message_id": message.id, "channel": message.channel, "trigger": message.trigger},
        **message.event_ids,
    )
