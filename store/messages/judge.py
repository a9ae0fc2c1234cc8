"""Why a message must not be sent: judged right before it is sent, and in a rehearsal."""

from __future__ import annotations

from typing import NamedTuple

from domain.messaging.channels import Channel
from domain.messaging.sending import MessageStatus
from domain.messaging.undoing import undone
from store.database import Transaction
from store.messages import consents, suppressions
from store.messages.facts import Gathered
from store.tables import Customer

_NEEDS = {Channel.EMAIL: "e-mail address", Channel.SMS: "phone number"}


class Unwanted(NamedTuple):
    """What becomes of the message, and why."""

    status: MessageStatus
    why: str


def address_of(channel: Channel, customer: Customer | None) -> str | None:
    """Where the channel reaches the person; None where it needs no address, or there is none."""
    if customer is None or channel not in _NEEDS:
        return None
    return customer.email if channel is Channel.EMAIL else customer.phone


async def unwanted(
    tx: Transaction, trigger: str, channel: Channel, gathered: Gathered, *, marketing: bool
) -> Unwanted | None:
    """None: it may be sent."""
    customer = gathered.customer
    if customer is not None and customer.erased_at is not None:
        return Unwanted(MessageStatus.CANCELLED, "The person was erased.")
    if why := undone(trigger, gathered.standing):
        return Unwanted(MessageStatus.CANCELLED, why)
    if customer is None:
        return None
    if why := await _unwelcome(tx, channel, customer, marketing):
        return Unwanted(MessageStatus.SUPPRESSED, why)
    return None


async def _unwelcome(
    tx: Transaction, channel: Channel, customer: Customer, marketing: bool
) -> str | None:
    address = address_of(channel, customer)
    if channel in _NEEDS and not address:
        return f"The person has no {_NEEDS[channel]}."
    if marketing and not await consents.granted(tx, customer.id, channel):
        return "The person has not agreed to marketing on this channel."
    if address is None:
        return None
    hashed = await suppressions.hash_of(tx, channel, address)
    because = await suppressions.because(tx, channel, hashed)
    return because.words if because else None
