"""What a distribution would have sent lately, and what a template looks like with real data.
Nothing is written and nothing is sent."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import select
from sqlmodel import col

from domain.feed import BEGINNING
from domain.messaging.languages import language_of
from domain.messaging.templates import Rendered, Template
from domain.messaging.variables import Claim
from domain.refusals import existing
from domain.rewards import Delivery
from store.database import Transaction
from store.messages.distributions import Planned
from store.messages.facts import gather, topic_of
from store.messages.judge import unwanted
from store.messages.planning import Intended, intend, know
from store.tables import Event, Grant

_HIDDEN = Claim(url="https://example.com/claim-links-are-hidden-in-previews")


class Rehearsed(NamedTuple):
    """What would happen about one event. `reason`: why nothing would be sent."""

    intended: Intended
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
            why = intended.refused or await _why_not(tx, planned, intended, public_url)
            told.append(Rehearsed(intended, why))
    return told


async def _why_not(
    tx: Transaction, planned: Planned, intended: Intended, public_url: str
) -> str | None:
    plan = planned.plan
    topic = topic_of(intended.event, plan.trigger, intended.customer_id)
    gathered = await gather(tx, topic, None, public_url)
    found = await unwanted(tx, plan.trigger, plan.channel, gathered, marketing=plan.marketing)
    return found.why if found else None


async def preview(
    tx: Transaction, template: Template, grant_id: str, language: str | None, public_url: str
) -> tuple[Rendered, list[str]]:
    """The template with a grant's data, as of the last event about it, and the ids of those whom it
    names. Its claim link is not shown: whoever has it has the money. Raises NotFound, and
    TemplateFault."""
    grant = existing(await tx.session.get(Grant, grant_id), "grant", grant_id, field="/grant_id")
    about = select(Event).where(col(Event.grant_id) == grant_id)
    event = (await tx.session.scalars(about.order_by(col(Event.seq).desc()).limit(1))).one()
    gathered = await gather(tx, topic_of(event, event.type, grant.recipient_id), None, public_url)
    facts, customer = gathered.facts, gathered.customer
    if grant.reward.get("delivery") == Delivery.LINK:
        facts = facts.model_copy(update={"claim": _HIDDEN})
    wanted = language or (language_of(customer.attributes) if customer else None)
    people = [facts.customer.id, *([facts.friend.id] if facts.friend else [])]
    return template.render(facts, wanted), people
