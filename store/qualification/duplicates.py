"""Finds what both sides of a referral share with each other, or with friends who counted before."""

from __future__ import annotations

from sqlalchemy import bindparam, func, select
from sqlmodel import col

from domain.campaigns import CampaignTerms, Review
from domain.fraud import FraudChecks, Hit, Likeness
from domain.identity import Marks, is_disposable
from store.database import Transaction
from store.marks.changes import keyed
from store.marks.owners import owners
from store.marks.people import Party, People
from store.tables import Referral

_LATELY = select(func.count()).where(
    col(Referral.voucher_id) == bindparam("voucher"),
    col(Referral.converted_at) > bindparam("since"),
    col(Referral.converted_at) <= bindparam("until"),
    col(Referral.id) != bindparam("referral"),
)


async def likeness_of(
    tx: Transaction, referral: Referral, people: People, terms: CampaignTerms
) -> Likeness:
    """The facts for the checks in the terms. The friend's marks are claimed: if two friends share
    one, even at the same time, the second is found."""
    checks, looked = terms.fraud, terms.review is not Review.NONE
    kinds = {kind for kind in Marks._fields if checks.makes(checks.response(kind), looked)}
    lately = None
    if checks.makes(checks.burst.response, looked):
        lately = await _lately(tx, referral, terms)
    if not kinds and not checks.makes(checks.disposable_email, looked):
        return Likeness(lately=lately)
    referee, referrer, email = people.referee, people.referrer, people.referee.email
    own = {mark: kind for mark, kind in referee.marks(checks).items() if kind in kinds}
    shared = await _shared(tx, own, referrer, checks)
    taken = await owners(tx, referral.campaign_id, referee.customer_id, own)
    return Likeness(
        with_referrer=_hits(referee, dict.fromkeys(shared, referrer.customer_id)),
        with_others=_hits(referee, taken),
        disposable_email=bool(email and is_disposable(email)),
        lately=lately,
    )


async def _shared(
    tx: Transaction, own: dict[str, str], referrer: Party, checks: FraudChecks
) -> set[str]:
    """The kinds that the referrer also has or had, until an erasure at most."""
    shared = {kind for mark, kind in own.items() if mark in referrer.marks(checks)}
    if referrer.erased:
        hashed = await keyed(tx, own)
        shared |= {kind for mark, kind in own.items() if hashed[mark] in referrer.erased}
    return shared


def _hits(judged: Party, others: dict[str, str]) -> dict[str, Hit]:
    return {kind: Hit(kind, judged.customer_id, other) for kind, other in others.items()}


async def _lately(tx: Transaction, referral: Referral, terms: CampaignTerms) -> int:
    until = referral.converted_at or referral.created_at
    counted = await tx.session.execute(
        _LATELY,
        {
            "voucher": referral.voucher_id,
            "since": until - terms.fraud.burst.within,
            "until": until,
            "referral": referral.id,
        },
    )
    return counted.scalar_one() + 1
