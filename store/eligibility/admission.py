"""Checks whether a friend may begin, or use a code, at this moment: hours, audience, velocity.

An early refusal with a reason; the limits themselves are enforced by qualification, under its
locks."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlmodel import col

from domain.amounts import Traits
from domain.audience import Audience
from domain.campaigns import CampaignTerms
from domain.verdict import Verdict, refused_by
from store.database import Transaction
from store.eligibility import limits
from store.eligibility.counting import Subject
from store.eligibility.lookup import Code
from store.eligibility.segments import segments_of
from store.tables import Customer


async def admit(tx: Transaction, found: Code, referee_id: str) -> list[Verdict]:
    """The first verdicts of a new referral. Raises CannotCount."""
    terms = found.terms
    verdicts = must_be_open(tx, terms, found.start_date)
    if not terms.audience.referees.everybody:
        verdicts.append(await must_belong(tx, terms.audience.referees, referee_id, terms.days))
    subject = Subject(found.campaign_id, found.voucher_id, referee_id, found.referrer_id)
    await limits.must_have_room(tx, terms, subject)
    return verdicts


def must_be_open(tx: Transaction, terms: CampaignTerms, start: datetime | None) -> list[Verdict]:
    """Check weekdays, hours and periods. `start` is the campaign's. Raises CannotCount."""
    if terms.windows.always:
        return []
    closed = terms.windows.closed(tx.now, start)
    verdict = Verdict(
        check="time_window",
        passed=closed is None,
        detail=f"The code cannot be used now: {closed}."
        if closed
        else "The code was used in time.",
        numbers={"at": tx.now.isoformat(), "timezone": terms.windows.timezone},
    )
    if closed:
        raise refused_by("voucher_not_active_now", verdict)
    return [verdict]


async def must_belong(
    tx: Transaction, audience: Audience, customer_id: str, days: ZoneInfo | None
) -> Verdict:
    """Raises CannotCount for a customer outside the audience. `days`: the terms' own."""
    outside = audience.outside(await _traits(tx, audience, customer_id), days)
    verdict = Verdict(
        check="audience",
        passed=outside is None,
        detail=f"The customer is {outside}." if outside else "The customer is in the audience.",
    )
    if outside:
        raise refused_by("customer_rules_violated", verdict)
    return verdict


async def _traits(tx: Transaction, audience: Audience, customer_id: str) -> Traits:
    metadata = (
        await tx.session.scalars(
            select(col(Customer.attributes)).where(col(Customer.id) == customer_id)
        )
    ).one()
    among = {*audience.segments, *audience.excluded_segments}
    return Traits(metadata, await segments_of(tx, customer_id, metadata, among))
