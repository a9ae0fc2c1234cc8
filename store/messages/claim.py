"""Claims a message for one attempt to send it, after judging once more whether it may be sent.

As for orders: the claim is committed before the first byte is sent, and while one attempt holds it
no other sends. A claim that has run out belonged to an attempt that died: whether it sent anything
is not known."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from domain.messaging.channels import Channel
from domain.messaging.languages import language_of
from domain.messaging.liquid import TemplateFault
from domain.messaging.sending import OPEN, MessageStatus, Result
from domain.messaging.templates import Rendered
from domain.messaging.unsubscribe import PURPOSE, Reader, token_of
from store.access import signing_secrets
from store.access.lasting_secret import key_for
from store.access.vault import Vault
from store.database import Transaction
from store.messages import suppressions, templates
from store.messages.distributions import Planned, planned
from store.messages.facts import Gathered, gather, topic_of_message
from store.messages.judge import address_of, unwanted
from store.messages.resolve import follow_up, locked, settle
from store.tables import Message, MessageDistribution


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
    tx: Transaction,
    message_id: str,
    *,
    vault: Vault,
    public_url: str,
    lifetime: timedelta,
    longest_pause: timedelta,
) -> Claimed:
    """Judge and claim the message. Committed, the attempt may be sent within `lifetime`."""
    message, at = await locked(tx, message_id)
    if message.status == MessageStatus.SENDING:
        if message.claimed_until and message.claimed_until > at:
            return Later(message.claimed_until)
        # Its attempt died: it is sent again where that does no harm, else it is doubtful now.
        words = "The worker stopped while it was being sent."
        await follow_up(tx, message, Result.UNKNOWN, words, at, longest_pause)
    if message.status not in OPEN:
        return Settled()
    if message.next_at > at:
        return Later(message.next_at)
    distribution = planned(await tx.session.get_one(MessageDistribution, message.distribution_id))
    gathered = await gather(tx, await topic_of_message(tx, message), vault, public_url)
    if (wakeful := _wakeful(message, distribution, gathered, at)) > at:
        message.next_at = wakeful
        return Later(wakeful)
    if why := await _unwanted(tx, message, distribution, gathered):
        await settle(tx, message, *why)
        return Settled()
    return await _take(tx, message, distribution, gathered, vault, at + lifetime)


def _wakeful(message: Message, distribution: Planned, gathered: Gathered, at: datetime) -> datetime:
    """A person who asks for a message to be sent again does not wait for quiet hours."""
    if message.resend_of is not None or gathered.customer is None:
        return at
    return distribution.plan.wakeful(at, gathered.customer.attributes)


async def _unwanted(
    tx: Transaction, message: Message, distribution: Planned, gathered: Gathered
) -> tuple[MessageStatus, str] | None:
    if message.resend_of is None and not distribution.row.active:
        return MessageStatus.CANCELLED, "The distribution was switched off."
    channel = Channel(message.channel)
    return await unwanted(tx, message.trigger, channel, gathered, marketing=message.marketing)


async def _take(
    tx: Transaction,
    message: Message,
    distribution: Planned,
    gathered: Gathered,
    vault: Vault,
    until: datetime,
) -> Claimed:
    """Render it, and write the claim. A template that cannot be rendered settles the message: a
    person mends the template, and has the message sent again."""
    template = await templates.newest(tx, distribution.row.template_id)
    stop = await _unsubscribe_url(tx, message, gathered)
    facts = gathered.facts.model_copy(update={"unsubscribe_url": stop})
    customer, channel = gathered.customer, Channel(message.channel)
    try:
        wanted = language_of(customer.attributes) if customer else None
        rendered = template.template.render(facts, wanted)
    except TemplateFault as fault:
        detail = f"The template {template.template.name!r} cannot be rendered: {fault.place}."
        await settle(tx, message, MessageStatus.CANCELLED, detail)
        return Settled()
    message.status, message.attempt = MessageStatus.SENDING, message.attempt + 1
    message.claimed_until, message.updated_at = until, tx.now
    message.first_sent_at = first = message.first_sent_at or tx.now
    message.template_id, message.template_version = template.row.id, template.version
    message.language, message.detail = rendered.language, None
    message.carries_claim = _carries_claim(gathered, rendered)
    address = address_of(channel, customer) or ""
    if address:
        message.address = await suppressions.hash_of(tx, channel, address)
    url, secret = distribution.row.url, await _secret(tx, distribution, vault)
    number = message.attempt
    return Attempt(message.id, number, channel, address, rendered, first, stop, url, secret)


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
