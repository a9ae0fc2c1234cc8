"""Turns events into messages that wait for their time: once per distribution, person and subject,
by a unique constraint."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from domain.feed import Place
from domain.ids import Prefix, new_id
from domain.messaging.channels import Channel
from domain.messaging.distributions import STAFF, About, recipient, subject_of
from domain.messaging.triggers import CARD_UNCLAIMED, TIER_NEAR
from store.database import Database, Transaction
from store.eligibility.segments import segments_of
from store.events.feed import Followed, follow, place_of
from store.messages import distributions, position
from store.messages.distributions import Planned
from store.messages.facts import milestone_ahead
from store.messages.start import Written
from store.tables import Customer, Event, Grant, Message, Referral, metadata

AT_ONCE = 200
_MESSAGES = metadata.tables[str(Message.__tablename__)]
_INSERT = insert(_MESSAGES).on_conflict_do_nothing().returning(_MESSAGES.c.id, _MESSAGES.c.due_at)


class Known(NamedTuple):
    """An event, and what is known of what it is about."""

    event: Event
    about: About
    grant_kind: str | None


class Intended(NamedTuple):
    """A message that a distribution would send about an event; or why it would not."""

    event: Event
    customer_id: str | None
    subject_id: str
    due_at: datetime
    refused: str | None = None

    @property
    def recipient(self) -> str:
        return self.customer_id or STAFF

    @property
    def event_id(self) -> str:
        return place_of(self.event).id


class Planning(NamedTuple):
    """The result of reading on. `has_more`: there are more events to read."""

    written: list[Written]
    has_more: bool


async def read_on(database: Database) -> Planning:
    """Read the next events, and write the messages about them.

    Messages and position are one transaction: killed, it does all of it again; run twice at once,
    one of the two is rolled back."""
    place, followed, active = await _next(database)
    if followed.place == place:
        return Planning([], followed.has_more)
    try:
        async with database.transaction() as tx:
            await position.begin(tx, place)
            written = await _write(tx, followed.events, active)
            if not await position.move(tx, place, followed.place):
                raise _Overtaken
    except _Overtaken:
        return Planning([], has_more=True)
    return Planning(written, followed.has_more)


async def _next(database: Database) -> tuple[Place, Followed, list[Planned]]:
    """The position, the events behind it, and the active distributions, all from one snapshot: an
    event behind a distribution's creation is read together with that distribution."""
    async with database.reading() as session:
        await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        active = await distributions.active(session)
        present = await position.present(session)
        place = await position.read(session) or min((one.since for one in active), default=present)
        if not active:
            return place, Followed([], max(place, present), has_more=False), []
        types = sorted({one.row.event_type for one in active})
        return place, await follow(session, place, AT_ONCE, types), active


class _Overtaken(Exception):
    """Another run has read these events: what was written about them is rolled back."""


async def _write(tx: Transaction, events: list[Event], active: list[Planned]) -> list[Written]:
    known = await know(tx, events)
    rows = [
        _row(tx, planned, intended)
        for each in known
        for planned in active
        if (intended := await intend(tx, planned, each)) and intended.refused is None
    ]
    written: list[Written] = []
    for row in rows:  # few: one statement each keeps the order of conflicts simple
        found = (await tx.session.execute(_INSERT, row)).one_or_none()
        if found is not None:
            written.append(Written(*found))
    return written


async def know(tx: Transaction, events: Iterable[Event]) -> list[Known]:
    """The events with their referrals' people and their grants' roles."""
    events = list(events)
    referrals = await _by_id(tx, Referral, {event.referral_id for event in events})
    grants = await _by_id(tx, Grant, {event.grant_id for event in events})
    return [_known(event, referrals, grants) for event in events]


async def _by_id(tx: Transaction, table: Any, ids: set[str | None]) -> dict[str, Any]:
    wanted = sorted(id for id in ids if id)
    if not wanted:
        return {}
    found = await tx.session.scalars(select(table).where(table.id.in_(wanted)))
    return {row.id: row for row in found}


def _known(event: Event, referrals: Mapping[str, Referral], grants: Mapping[str, Grant]) -> Known:
    referral = referrals.get(event.referral_id or "")
    grant = grants.get(event.grant_id or "")
    about = About(
        type=event.type,
        event_id=place_of(event).id,
        customer_id=event.customer_id,
        referrer_id=referral.referrer_id if referral else None,
        referee_id=referral.referee_id if referral else None,
        grant_id=event.grant_id,
        grant_role=grant.role if grant else None,
        referral_id=event.referral_id,
        publication_id=event.data.get("publication_id"),
    )
    return Known(event, about, grant.kind if grant else None)


async def intend(
    tx: Transaction, planned: Planned, known: Known, *, since: Place | None = None
) -> Intended | None:
    """What the distribution does about an event; None: the event is none of its business. `since`:
    instead of the place that it was switched on at."""
    row, plan, event = planned.row, planned.plan, known.event
    if event.type != row.event_type or place_of(event) < (since or planned.since):
        return None
    if plan.campaign_id is not None and plan.campaign_id != event.campaign_id:
        return None
    subject = subject_of(known.about)
    if plan.channel is Channel.ALARM:
        return Intended(event, None, subject, event.at + plan.delay)
    if plan.trigger == CARD_UNCLAIMED and known.grant_kind != "gift_card":
        return None
    customer_id = recipient(known.about, plan.audience.role)
    customer = await tx.session.get(Customer, customer_id) if customer_id else None
    if customer is None:
        return None
    due = plan.due(event.at, customer.attributes)
    if plan.trigger == TIER_NEAR:
        ahead, _ = await milestone_ahead(tx, event.campaign_id or "", customer.id)
        if ahead is None or ahead.missing != 1:
            return Intended(event, customer.id, subject, due, "More than one friend is missing.")
        subject = ahead.subject
    return Intended(event, customer.id, subject, due, await _outside(tx, planned, customer))


async def _outside(tx: Transaction, planned: Planned, customer: Customer) -> str | None:
    """Why this person is not in the audience."""
    if customer.erased_at is not None:
        return "The person was erased."
    segment = planned.plan.audience.segment_id
    if segment is None:
        return None
    inside = await segments_of(tx, customer.id, customer.attributes, [segment])
    return None if inside else "The person is not in the segment."


def _row(tx: Transaction, planned: Planned, intended: Intended) -> dict[str, Any]:
    event = intended.event
    return {
        "id": new_id(Prefix.MESSAGE),
        "distribution_id": planned.row.id,
        "recipient": intended.recipient,
        "subject_id": intended.subject_id,
        "generation": 1,
        "customer_id": intended.customer_id,
        "campaign_id": event.campaign_id,
        "referral_id": event.referral_id,
        "grant_id": event.grant_id,
        "event_id": place_of(event).id,
        "trigger": planned.plan.trigger,
        "channel": planned.plan.channel,
        "marketing": planned.plan.marketing,
        "status": "waiting",
        "due_at": intended.due_at,
        "next_at": intended.due_at,
        "attempt": 0,
        "carries_claim": False,
        "created_at": tx.now,
    }
