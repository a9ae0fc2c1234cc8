"""What a distribution would have sent lately, and what a template looks like with real data.
Nothing is written and nothing is sent.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select
from sqlmodel import col

from domain.feed import BEGINNING
from domain.messaging.channels import Channel
from domain.messaging.languages import language_of
from domain.messaging.templates import Rendered, Template
from domain.messaging.undoing import undone
from domain.messaging.variables import Claim
from domain.refusals import existing
from domain.rewards import Delivery
from store.database import Transaction
from store.messages import consents, suppressions
from store.messages.distributions import Planned
from store.messages.facts import Gathered, Topic, gather, topic_of
from store.messages.planning import Intended, intend, know
from store.tables import Event, Grant

_HIDDEN = Claim(url="https://example.com/claim-links-are-hidden-in-previews")


class Rehearsed(NamedTuple):
    """What would happen about one event. `reason`: why nothing would be sent."""

    intended: Intended
    language: str | None
    reason: str | None


async def rehearse(
    tx: Transaction, planned: Planned, public_url: str, *, limit: int
) -> list[Rehearsed]:
    """For the latest events of its type, newest first, as if it had been active then."""
    statement = select(Event).where(col(Event.type) == planned.row.event_type)
    if planned.plan.campaign_id is not None:
        statement = statement.where(col(Event.campaign_id) == planned.plan.campaign_id)
    events = await tx.session.scalars(statement.order_by(col(Event.seq).desc()).limit(limit))
    told: list[Rehearsed] = []
    for known in await know(tx, events):
        intended = await intend(tx, planned, known, since=BEGINNING)
        if intended is not None:
            told.append(await _judged(tx, planned, intended, public_url))
    return told


async def _judged(
    tx: Transaction, planned: Planned, intended: Intended, public_url: str
) -> Rehearsed:
    topic = topic_of(intended.event, planned.plan.trigger, intended.customer_id)
    gathered = await gather(tx, topic, None, public_url)
    customer = gathered.customer
    language = language_of(customer.attributes) if customer else None
    reason = intended.refused or undone(topic.trigger, gathered.standing)
    reason = reason or await _unwanted(tx, planned, gathered)
    return Rehearsed(intended, language, reason)


async def _unwanted(tx: Transaction, planned: Planned, gathered: Gathered) -> str | None:
    customer, channel = gathered.customer, planned.plan.channel
    if customer is None:
        return None
    address = customer.email if channel is Channel.EMAIL else customer.phone
    if channel in (Channel.EMAIL, Channel.SMS) and not address:
        return "The person has no address for this channel."
    if planned.plan.marketing and not await consents.granted(tx, customer.id, channel):
        return "The person has not agreed to marketing on this channel."
    if address:
        hashed = await suppressions.hash_of(tx, channel, address)
        because = await suppressions.because(tx, channel, hashed)
        return because.words if because else None
    return None


async def preview(
    tx: Transaction, template: Template, grant_id: str, language: str | None, public_url: str
) -> Rendered:
    """The template with a grant's data. Its claim link is not shown: whoever has it has the money.
    Raises NotFound, and TemplateFault.
    """
    grant = existing(await tx.session.get(Grant, grant_id), "grant", grant_id, field="/grant_id")
    topic = Topic(
        "grant.created", grant.recipient_id, grant.campaign_id, grant.referral_id, grant.id
    )
    gathered = await gather(tx, topic, None, public_url)
    facts, customer = gathered.facts, gathered.customer
    if grant.reward.get("delivery") == Delivery.LINK:
        facts = facts.model_copy(update={"claim": _HIDDEN})
    wanted = language or (language_of(customer.attributes) if customer else None)
    return template.render(facts, wanted)


def due_of(rehearsed: Rehearsed) -> datetime | None:
    """When it would be sent; None: never."""
    return None if rehearsed.reason else rehearsed.intended.due_at
