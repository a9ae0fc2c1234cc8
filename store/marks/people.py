"""The two sides of a referral, with all their current and former identifying values."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple, cast

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import aliased
from sqlmodel import col

from domain.fraud import FraudChecks
from domain.identity import Particular
from store.marks.changes import read
from store.tables import Customer, ErasedMark, Grant, PersonMark, Referral

_Referee, _Referrer = aliased(Customer), aliased(Customer)
_MEMBERS = ("email", "phone", "address")
_FORMER = (
    select(
        func.jsonb_agg(
            func.jsonb_build_array(
                PersonMark.customer_id,
                PersonMark.kind,
                PersonMark.value,
                PersonMark.since,
                col(PersonMark.cleared_at).is_not(None),
            )
        )
    )
    .where(col(PersonMark.customer_id).in_([_Referee.id, _Referrer.id]))
    .correlate(_Referee, _Referrer)
    .scalar_subquery()
)
_ERASED = (
    select(func.array_agg(ErasedMark.mark))
    .where(col(ErasedMark.customer_id) == _Referrer.id, col(ErasedMark.forget_at) > func.now())
    .correlate(_Referrer)
    .scalar_subquery()
)
_SIDES = (
    select(
        *(getattr(_Referee, name).label(f"referee_{name}") for name in _MEMBERS),
        *(getattr(_Referrer, name).label(f"referrer_{name}") for name in _MEMBERS),
        col(_Referrer.erased_at).label("referrer_erased_at"),
        _FORMER.label("former"),
        _ERASED.label("erased"),
    )
    .join(_Referee, col(_Referee.id) == Referral.referee_id)
    .join(_Referrer, col(_Referrer.id) == Referral.referrer_id)
)

CASE = _SIDES.add_columns(Referral).where(col(Referral.id) == bindparam("referral_id"))
"""A referral and the identifying values of both people, in one statement."""
OF_GRANT = (
    _SIDES.add_columns(
        col(Referral.referee_id),
        col(Referral.referrer_id),
        col(Referral.campaign_id),
        col(Referral.campaign_version),
        col(Grant.role),
        col(Grant.created_at),
    )
    .join(Grant, col(Grant.referral_id) == Referral.id)
    .where(col(Grant.id) == bindparam("grant_id"))
)
"""The same for a grant's referral. By columns, because neither row is locked yet."""


class KnownValue(NamedTuple):
    """A value that a customer has or had. `since`: None if they have always had it."""

    particular: Particular
    since: datetime | None = None
    cleared: bool = False


class Party(NamedTuple):
    """One side of a referral, with all their current and former values."""

    customer_id: str
    particulars: tuple[Any, ...]
    """E-mail, phone and address, as stored."""
    held: list[KnownValue]
    erased: list[str]
    """The keyed marks of an erased customer."""

    @property
    def email(self) -> str | None:
        return cast(str | None, self.particulars[0])

    def marks(self, checks: FraudChecks, since: datetime | None = None) -> dict[str, str]:
        """Kinds by mark, of the values that this campaign checks. `since`: only those that came
        later."""
        return {
            one.particular.mark: one.particular.kind
            for one in self.held
            if not one.cleared
            and checks.counts(one.particular)
            and (since is None or (one.since is not None and one.since > since))
        }


class People(NamedTuple):
    """The two sides of a referral."""

    referee: Party
    referrer: Party


def people_of(row: Any, referee_id: str, referrer_id: str) -> People:
    """From a row of CASE or OF_GRANT."""
    sides = {"referee": referee_id, "referrer": referrer_id}
    parties = []
    for side, customer_id in sides.items():
        particulars = tuple(getattr(row, f"{side}_{name}") for name in _MEMBERS)
        held = {one.mark: KnownValue(one) for one in read(*particulars)}
        for owner, kind, value, since, cleared in row.former or []:
            if owner == customer_id:
                one = Particular(kind, value)
                held[one.mark] = KnownValue(one, datetime.fromisoformat(since), cleared)
        erased = list(row.erased or []) if side == "referrer" else []
        parties.append(Party(customer_id, particulars, list(held.values()), erased))
    return People(*parties)
