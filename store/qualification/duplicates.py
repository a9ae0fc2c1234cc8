"""Who might be the same person: what two sides share, and the friends who counted before."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import bindparam, delete, func, select, text
from sqlalchemy.orm import aliased
from sqlmodel import col

from domain.campaigns import CampaignTerms, Review
from domain.customers import Address
from domain.fraud import Likeness
from domain.identity import Marks, is_disposable, marks_of
from store.database import Transaction
from store.tables import Customer, RefereeMark, Referral

# Whoever comes second waits here for the first to commit, and then reads whose the mark is.
_CLAIM = text(
    "INSERT INTO referee_marks (campaign_id, mark, customer_id)"
    " SELECT :campaign, mark, :customer"
    " FROM unnest(CAST(:marks AS text[])) AS given(mark) ORDER BY mark"
    " ON CONFLICT (campaign_id, mark) DO UPDATE SET mark = EXCLUDED.mark"
    " RETURNING mark, customer_id"
)
_LATELY = select(func.count()).where(
    col(Referral.voucher_id) == bindparam("voucher"),
    col(Referral.converted_at) > bindparam("since"),
    col(Referral.converted_at) <= bindparam("until"),
    col(Referral.id) != bindparam("referral"),
)
_Referee, _Referrer = aliased(Customer), aliased(Customer)
_MEMBERS = ("email", "phone", "address")
CASE = (
    select(
        Referral,
        *(getattr(_Referee, name).label(f"referee_{name}") for name in _MEMBERS),
        *(getattr(_Referrer, name).label(f"referrer_{name}") for name in _MEMBERS),
    )
    .join(_Referee, col(_Referee.id) == Referral.referee_id)
    .join(_Referrer, col(_Referrer.id) == Referral.referrer_id)
    .where(col(Referral.id) == bindparam("referral_id"))
)
"""A referral and what tells its two people apart, in one statement."""


class Particulars(NamedTuple):
    """What tells a person apart."""

    email: str | None
    phone: str | None
    address: dict[str, Any] | None

    @property
    def marks(self) -> dict[str, str | None]:
        """Hashes of it."""
        address = Address.model_validate(self.address) if self.address else None
        return marks_of(self.email, self.phone, address)._asdict()


class People(NamedTuple):
    """The two sides of a referral."""

    referee: Particulars
    referrer: Particulars


def people_of(row: Any) -> People:
    """From a row of CASE."""
    return People(
        *(
            Particulars(*(getattr(row, f"{party}_{name}") for name in _MEMBERS))
            for party in People._fields
        )
    )


async def likeness_of(
    tx: Transaction, referral: Referral, people: People, terms: CampaignTerms
) -> Likeness:
    """What there is to know for the checks that the terms make. The friend's marks are taken:
    of two who share one, at the same time even, the second is told so."""
    checks, looked = terms.fraud, terms.review is not Review.NONE
    kinds = [kind for kind in Marks._fields if checks.makes(checks.response(kind), looked)]
    lately = None
    if checks.makes(checks.burst.response, looked):
        lately = await _lately(tx, referral, terms)
    if not kinds and not checks.makes(checks.disposable_email, looked):
        return Likeness(lately=lately)
    own, theirs, email = people.referee.marks, people.referrer.marks, people.referee.email
    shared = {kind for kind in kinds if own[kind] and own[kind] == theirs[kind]}
    taken = await _claim(tx, referral, {own[kind]: kind for kind in kinds if own[kind]})
    return Likeness(
        with_referrer=frozenset(shared),
        with_others=frozenset(taken),
        disposable_email=bool(email and is_disposable(email)),
        lately=lately,
    )


async def give_up(tx: Transaction, referral: Referral) -> None:
    """A friend who does not count takes nobody's place."""
    await tx.session.execute(
        delete(RefereeMark).where(
            col(RefereeMark.campaign_id) == referral.campaign_id,
            col(RefereeMark.customer_id) == referral.referee_id,
        )
    )


async def _claim(tx: Transaction, referral: Referral, marks: dict[str | None, str]) -> list[str]:
    """The kinds of marks that another friend had first."""
    if not marks:
        return []
    claimed = await tx.session.execute(
        _CLAIM,
        {
            "campaign": referral.campaign_id,
            "customer": referral.referee_id,
            "marks": list(marks),
        },
    )
    return [marks[mark] for mark, owner in claimed if owner != referral.referee_id]


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
