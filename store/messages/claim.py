"""Claims a message for one attempt to send it, after judging once more whether it may be sent.

As for orders: the claim is committed before the first byte is sent, and while one attempt holds it
no other sends. A claim that has run out belonged to an attempt that died: whether it sent anything
is not known.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import select
from sqlmodel import col

from domain.feed import Place
from domain.messaging.channels import Channel
from domain.messaging.languages import language_of
from domain.messaging.liquid import TemplateFault
from domain.messaging.sending import OPEN, MessageStatus, Result, follows
from domain.messaging.templates import Rendered
from domain.messaging.undoing import undone
from domain.messaging.unsubscribe import PURPOSE, Reader, token_of
from store.access import signing_secrets
from store.access.lasting_secret import key_for
from store.access.vault import Vault
from store.database import Transaction
from store.messages import consents, suppressions, templates
from store.messages.distributions import Planned, planned
from store.messages.facts import Gathered, Topic, gather, topic_of
from store.messages.resolve import locked, settle
from store.tables import Customer, Event, Message, MessageDistribution


class Attempt(NamedTuple):
    """The right to send a message once. It contains personal data, and is never logged."""

    message_id: str
    number: int
    channel: Channel
    address: str
    """An e-mail address or phone number; empty for other channels."""
    rendered: Rendered
    first_sent_at: datetime
    unsubscribe_url: str | None
    url: str | None
    secret: str | None


class Later(NamedTuple):
    """Nothing to send before then."""

    at: datetime


class Settled(NamedTuple):
    """Nothing to send any more."""


Claimed = Attempt | Later | Settled


async def claim(
    tx: Transaction, message_id: str, *, vault: Vault, public_url: str, lifetime: timedelta
) -> Claimed:
    """Judge and claim the message. Committed, the attempt may be sent within `lifetime`."""
    message, at = await locked(tx, message_id)
    if message.status not in OPEN:
        return Settled()
    if message.status == MessageStatus.SENDING:
        if message.claimed_until and message.claimed_until > at:
            return Later(message.claimed_until)
        if not await _resume(tx, message, at):
            return Settled()
    if message.next_at > at:
        return Later(message.next_at)
    distribution = planned(await tx.session.get_one(MessageDistribution, message.distribution_id))
    gathered = await gather(tx, await _topic(tx, message), vault, public_url)
    if message.resend_of is None and (wakeful := _wakeful(distribution, gathered, at)) > at:
        message.next_at = wakeful
        return Later(wakeful)
    address = _address(message, gathered.customer)
    if why := await _unwanted(tx, message, gathered, address):
        await settle(tx, message, *why)
        return Settled()
    return await _take(tx, message, distribution, gathered, address or "", vault, at + lifetime)


async def _resume(tx: Transaction, message: Message, at: datetime) -> bool:
    """Its attempt died. False: it is doubtful now, and a person decides."""
    then = follows(
        Result.UNKNOWN,
        repeatable=repeatable(message),
        attempt=message.attempt,
        due_at=message.due_at,
        now=at,
    )
    if then.status is not MessageStatus.WAITING:
        await settle(tx, message, then.status, "The worker stopped while it was being sent.")
        return False
    return True


def repeatable(message: Message) -> bool:
    """Whether it is sent again after an unknown outcome."""
    return message.carries_claim or Channel(message.channel).repeats_safely


async def _topic(tx: Transaction, message: Message) -> Topic:
    place = Place.of(message.event_id)
    statement = select(Event).where(col(Event.xid) == place.xid, col(Event.seq) == place.seq)
    event = (await tx.session.scalars(statement)).one()
    return topic_of(event, message.trigger, message.customer_id)


def _wakeful(distribution: Planned, gathered: Gathered, at: datetime) -> datetime:
    customer = gathered.customer
    return distribution.plan.wakeful(at, customer.attributes) if customer else at


def _address(message: Message, customer: Customer | None) -> str | None:
    if customer is None:
        return None
    return customer.email if message.channel == Channel.EMAIL else customer.phone


_NEEDS_ADDRESS = {Channel.EMAIL: "e-mail address", Channel.SMS: "phone number"}


async def _unwanted(
    tx: Transaction, message: Message, gathered: Gathered, address: str | None
) -> tuple[MessageStatus, str] | None:
    """Why the message must not be sent, and what becomes of it."""
    customer, channel = gathered.customer, Channel(message.channel)
    if customer is not None and customer.erased_at is not None:
        return MessageStatus.CANCELLED, "The person was erased."
    if why := undone(message.trigger, gathered.standing):
        return MessageStatus.CANCELLED, why
    if customer is None:
        return None
    if channel in _NEEDS_ADDRESS and not address:
        return MessageStatus.SUPPRESSED, f"The person has no {_NEEDS_ADDRESS[channel]}."
    if message.marketing and not await consents.granted(tx, customer.id, channel):
        return MessageStatus.SUPPRESSED, "The person has not agreed to marketing on this channel."
    if address:
        hashed = await suppressions.hash_of(tx, channel, address)
        if because := await suppressions.because(tx, channel, hashed):
            return MessageStatus.SUPPRESSED, because.words
    return None


async def _take(
    tx: Transaction,
    message: Message,
    distribution: Planned,
    gathered: Gathered,
    address: str,
    vault: Vault,
    until: datetime,
) -> Claimed:
    """Render it, and write the claim. A template that cannot be rendered settles the message: a
    person mends the template, and has the message sent again.
    """
    template = await templates.newest(tx, distribution.row.template_id)
    stop = await _unsubscribe_url(tx, message, gathered)
    facts = gathered.facts.model_copy(update={"unsubscribe_url": stop})
    customer = gathered.customer
    try:
        wanted = language_of(customer.attributes) if customer else None
        rendered = template.template.render(facts, wanted)
    except TemplateFault as fault:
        detail = f"The template {template.template.name!r} cannot be rendered: {fault.place}."
        await settle(tx, message, MessageStatus.CANCELLED, detail)
        return Settled()
    message.status, message.attempt = MessageStatus.SENDING, message.attempt + 1
    message.claimed_until, message.updated_at = until, tx.now
    message.first_sent_at = message.first_sent_at or tx.now
    message.template_id, message.template_version = template.row.id, template.version
    message.language, message.detail = rendered.language, None
    message.carries_claim = _carries_claim(gathered, rendered)
    if address:
        channel = Channel(message.channel)
        message.address = await suppressions.hash_of(tx, channel, address)
    return Attempt(
        message.id,
        message.attempt,
        Channel(message.channel),
        address,
        rendered,
        message.first_sent_at,
        stop,
        distribution.row.url,
        await _secret(tx, distribution, vault),
    )


def _carries_claim(gathered: Gathered, rendered: Rendered) -> bool:
    link = gathered.facts.claim.url if gathered.facts.claim else None
    if link is None:
        return False
    escaped = link.replace("&", "&amp;")
    return link in (rendered.text or "") or escaped in (rendered.html or "")


async def _unsubscribe_url(tx: Transaction, message: Message, gathered: Gathered) -> str | None:
    """Of a marketing message only: what is needed to get a reward cannot be unsubscribed from."""
    if not message.marketing or message.customer_id is None:
        return None
    key = await key_for(tx, PURPOSE)
    token = token_of(Reader(message.customer_id, Channel(message.channel)), key)
    return f"{gathered.public_url}/unsubscribe/{token}"


async def _secret(tx: Transaction, distribution: Planned, vault: Vault) -> str | None:
    secret_id = distribution.row.secret_id
    return await signing_secrets.open_secret(tx, secret_id, vault) if secret_id else None
