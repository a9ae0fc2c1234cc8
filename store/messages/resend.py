"""Sends a message once more because a person asked for it, and records what came back."""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import func, select
from sqlmodel import col

from domain.ids import Prefix, new_id
from domain.messaging.channels import Channel
from domain.messaging.sending import OPEN, MessageStatus
from domain.refusals import NotAllowedInState
from store.database import Transaction
from store.messages import consents, suppressions
from store.messages.judge import address_of
from store.messages.resolve import locked, settle
from store.messages.suppressions import Because
from store.tables import Customer, Message, MessageDistribution

_SAME = {
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
}


class Report(StrEnum):
    """What a mail service reports of a message."""

    BOUNCED = "bounced"
    """The address does not exist, or takes no mail."""
    COMPLAINED = "complained"
    """Its owner marked it as spam."""


async def resend(tx: Transaction, message_id: str, actor: str) -> Message:
    """A new message about the same. It is judged like the first, but waits for no delay and no
    quiet hours; and an address from which mail came back is tried once more.

    Raises NotFound, NotAllowedInState."""
    message, _ = await locked(tx, message_id)
    distribution = await tx.session.get_one(MessageDistribution, message.distribution_id)
    if distribution.deleted_at is not None:
        raise NotAllowedInState("Its distribution was deleted, and with it what would be sent.")
    newest = await _newest(tx, message)
    if newest.status in OPEN:
        raise NotAllowedInState(f"The message {newest.id} is {newest.status}: it goes out anyway.")
    await _try_again(tx, message)
    again = Message(
        **message.model_dump(include=_SAME),
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


async def report(tx: Transaction, message_id: str, said: Report) -> None:
    """A mail service reports that the message came back, or that its reader complained: nothing is
    sent to that address any more. Safe to repeat. Raises NotFound, NotAllowedInState."""
    message, _ = await locked(tx, message_id)
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


async def _try_again(tx: Transaction, message: Message) -> None:
    channel = Channel(message.channel)
    customer = await tx.session.get(Customer, message.customer_id) if message.customer_id else None
    if address := address_of(channel, customer):
        hashed = await suppressions.hash_of(tx, channel, address)
        await suppressions.lift_bounce(tx, channel, hashed)


async def _newest(tx: Transaction, message: Message) -> Message:
    """The last one about the same. Two requests at once: the unique constraint refuses one."""
    same = (
        col(Message.distribution_id) == message.distribution_id,
        col(Message.recipient) == message.recipient,
        col(Message.subject_id) == message.subject_id,
    )
    last = select(func.max(col(Message.generation))).where(*same).scalar_subquery()
    found = await tx.session.scalars(select(Message).where(*same, col(Message.generation) == last))
    return found.one()
