"""Sends a message once more because a person asked for it, and records what came back."""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import func, select
from sqlmodel import col

from domain.ids import Prefix, new_id
from domain.messaging.channels import Channel
from domain.messaging.sending import MessageStatus, may_resend
from domain.refusals import NotAllowedInState, existing
from store.database import Transaction
from store.messages import consents, suppressions
from store.messages.resolve import settle
from store.messages.suppressions import Because
from store.tables import Message, MessageDistribution

_SAME = (
    "distribution_id",
    "recipient",
    "subject_id",
    "customer_id",
    "campaign_id",
    "referral_id",
    "grant_id",
    "event_id",
    "trigger",
    "channel",
    "marketing",
)


class Report(StrEnum):
    """What a mail service reports of a message."""

    BOUNCED = "bounced"
    """The address does not exist, or takes no mail."""
    COMPLAINED = "complained"
    """Its owner marked it as spam."""


async def resend(tx: Transaction, message_id: str, actor: str) -> Message:
    """A new message about the same; it is judged like the first, but does not wait for its delay or
    for quiet hours. Raises NotFound, NotAllowedInState.
    """
    message = await _locked(tx, message_id)
    if not may_resend(message.status):
        raise NotAllowedInState(f"The message is {message.status}: it goes out by itself.")
    distribution = await tx.session.get_one(MessageDistribution, message.distribution_id)
    if distribution.deleted_at is not None:
        raise NotAllowedInState("Its distribution was deleted, and with it what would be sent.")
    newest = await _newest(tx, message)
    if newest.status not in _FINISHED:
        raise NotAllowedInState(f"It is already being sent again, as {newest.id}.")
    again = Message(
        **message.model_dump(include=set(_SAME)),
        id=new_id(Prefix.MESSAGE),
        generation=newest.generation + 1,
        resend_of=message.id,
        actor=actor,
        due_at=tx.now,
        next_at=tx.now,
        created_at=tx.now,
    )
    tx.session.add(again)
    tx.record(
        "message.resend_asked",
        f"Asked to send again: {distribution.name}",
        source="staff",
        actor=actor,
        data={"message_id": again.id, "resend_of": message.id},
        **message.event_ids,
    )
    return again


_FINISHED = frozenset(MessageStatus) - {MessageStatus.WAITING, MessageStatus.SENDING}


async def report(tx: Transaction, message_id: str, said: Report) -> Message:
    """A mail service reports that the message came back, or that its reader complained: nothing is
    sent to that address any more. Safe to repeat. Raises NotFound, NotAllowedInState.
    """
    message = await _locked(tx, message_id)
    if message.address is None:
        raise NotAllowedInState("The message was never sent to an address.")
    channel = Channel(message.channel)
    because = Because.BOUNCED if said is Report.BOUNCED else Because.COMPLAINED
    await suppressions.suppress(tx, channel, message.address, because, message.id)
    if said is Report.COMPLAINED and message.customer_id is not None:
        await consents.withdraw(tx, message.customer_id, channel)
    if message.status in (MessageStatus.SENT, MessageStatus.DOUBTFUL):
        words = "It came back." if said is Report.BOUNCED else "Its reader complained about it."
        await settle(tx, message, MessageStatus.BOUNCED, words)
    return message


async def _locked(tx: Transaction, message_id: str) -> Message:
    found = await tx.session.get(Message, message_id, with_for_update=True)
    return existing(found, "message", message_id)


async def _newest(tx: Transaction, message: Message) -> Message:
    """The last one about the same, locked through the first."""
    same = (
        col(Message.distribution_id) == message.distribution_id,
        col(Message.recipient) == message.recipient,
        col(Message.subject_id) == message.subject_id,
    )
    last = select(func.max(col(Message.generation))).where(*same).scalar_subquery()
    found = await tx.session.scalars(
        select(Message).where(*same, col(Message.generation) == last).with_for_update()
    )
    return found.one()
