"""Reads what qualification judges, under the referrer's lock."""

from __future__ import annotations

from typing import NamedTuple

from domain.amounts import Traits
from domain.campaigns import CampaignTerms
from domain.messages import ReferralStart
from store.database import Transaction
from store.grants.create import traits_of
from store.marks.people import CASE, People, people_of
from store.referrals.progress import lock_progress
from store.tables import Referral
from store.terms import terms_of


class Case(NamedTuple):
    """A conversion and everything that decides about it."""

    referral: Referral
    people: People
    terms: CampaignTerms
    friends: int
    """The referrer's unique referees including this one; falls with reversals."""
    number: int
    """The conversion's own number, never reused."""
    granted: int
    traits: dict[str, Traits]
    """What amounts depend on, by customer."""
    referrer_erased: bool
    """Then the terms contain no tiers: nobody is left to be rewarded for the friend."""


async def read(tx: Transaction, start: ReferralStart) -> Case:
    """Lock the referrer's progress, then read the rest in one statement."""
    progress = await lock_progress(tx, start.campaign_id, start.referrer_id)
    found = await tx.session.execute(CASE, {"referral_id": start.referral_id})
    row = found.one()
    referral: Referral = row.Referral
    terms = await terms_of(tx, referral.campaign_id, referral.campaign_version)
    if row.referrer_erased_at is not None:
        terms = terms.model_copy(update={"tiers": ()})
    traits = await traits_of(tx, terms, referral)
    friends, number = progress.friends + 1, referral.earlier_ordinal or progress.conversions + 1
    people = people_of(row, referral.referee_id, referral.referrer_id)
    return Case(
        referral,
        people,
        terms,
        friends,
        number,
        progress.grants,
        traits,
        row.referrer_erased_at is not None,
    )
