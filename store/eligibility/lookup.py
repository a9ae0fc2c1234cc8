"""Looks up a referral code: who is rewarded, under which terms, and whether it can count."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, bindparam, exists, select
from sqlalchemy.orm import aliased
from sqlmodel import col

from domain.campaigns import CampaignTerms
from domain.refusals import CannotCount, InvalidPayload, existing
from domain.verdict import refused
from store.database import Transaction
from store.eligibility.spent import must_have_budget
from store.references import customer_named
from store.tables import Budget, Campaign, Customer, Holder, Referral, Voucher
from store.terms import terms_of


class Code(NamedTuple):
    """A code with everything that decides whether it can count. `used`: reserved and committed
    budget, in minor units."""

    code: str
    voucher_id: str
    voucher_active: bool
    voucher_start: datetime | None
    voucher_expiration: datetime | None
    active_until: datetime | None
    quantity: int | None
    """How often this code may be used; None: as the terms say."""
    redeemed_quantity: int
    shared_by_referee: bool
    """The referee also holds the code, as a further REFERRER."""
    campaign_id: str
    campaign_active: bool
    start_date: datetime | None
    expiration_date: datetime | None
    version: int
    terms: CampaignTerms
    referrer_id: str
    referrer_erased: bool
    """The code takes no new friends; earlier friends keep what was promised."""
    referrer_named: bool
    """The request named the holder; by default it is the owner."""
    existing: Referral | None
    used: int


_Own = aliased(Holder)
_OWN = select(col(_Own.id)).where(
    col(_Own.voucher_id) == Voucher.id, col(_Own.customer_id) == bindparam("referee_id")
)


_Erased = aliased(Customer)
_ERASED = select(col(_Erased.id)).where(
    col(_Erased.id) == Holder.customer_id, col(_Erased.erased_at).is_not(None)
)


def _code_statement(holds: ColumnElement[bool]) -> Any:
    """A code with everything that decides whether it can count, in one statement. Built once:
    building takes longer than executing."""
    return (
        select(
            col(Voucher.id).label("voucher_id"),
            col(Voucher.active).label("voucher_active"),
            col(Voucher.start_date).label("voucher_start"),
            col(Voucher.expiration_date).label("voucher_expiration"),
            col(Voucher.active_until),
            col(Voucher.quantity),
            col(Voucher.redeemed_quantity),
            exists(_OWN).label("shared_by_referee"),
            col(Campaign.id).label("campaign_id"),
            col(Campaign.active).label("campaign_active"),
            col(Campaign.start_date),
            col(Campaign.expiration_date),
            col(Campaign.version),
            col(Holder.customer_id).label("referrer_id"),
            exists(_ERASED).label("referrer_erased"),
            col(Referral.id).label("existing_id"),
            (col(Budget.reserved) + col(Budget.committed)).label("used"),
        )
        .join(Campaign, col(Campaign.id) == Voucher.campaign_id)
        .outerjoin(Holder, and_(col(Holder.voucher_id) == Voucher.id, holds))
        .outerjoin(
            Referral,
            and_(
                col(Referral.campaign_id) == Campaign.id,
                col(Referral.referee_id) == bindparam("referee_id"),
            ),
        )
        .outerjoin(
            Budget,
            and_(col(Budget.campaign_id) == Campaign.id, col(Budget.ceiling).is_not(None)),
        )
        .where(col(Voucher.code) == bindparam("code"))
    )


_BY_OWNER = _code_statement(col(Holder.role) == "OWNER")
_BY_HOLDER = _code_statement(col(Holder.customer_id) == customer_named(bindparam("referrer")))


async def look_up(
    tx: Transaction,
    code: str,
    referee_id: str,
    referrer: str | None,
    *,
    field: str = "/referral/referrer_id",
) -> Code:
    """The code, who is rewarded for it, its campaign's current terms, and this friend's existing
    referral. The named referrer must hold the code; by default it is the owner."""
    parameters = {"code": code, "referee_id": referee_id}
    if referrer is None:
        result = await tx.session.execute(_BY_OWNER, parameters)
    else:
        result = await tx.session.execute(_BY_HOLDER, parameters | {"referrer": referrer})
    row = existing(result.one_or_none(), "voucher", code, field="/code")
    members = dict(row._mapping)
    existing_id, used = members.pop("existing_id"), members.pop("used") or 0
    holder = members.pop("referrer_id")
    found = Code(
        code=code,
        terms=await terms_of(tx, row.campaign_id, row.version),
        existing=await tx.session.get(Referral, existing_id) if existing_id else None,
        used=used,
        referrer_id=holder or "",
        referrer_named=referrer is not None,
        **members,
    )
    _check_parties(tx, found, field)
    return found


def _check_parties(tx: Transaction, found: Code, field: str) -> None:
    """Refuse people who use their own code, or one that they share with its owner."""
    if found.shared_by_referee:
        raise CannotCount("referrer_not_permitted_to_redeem", "A referrer cannot use an own code.")
    if not found.referrer_id and found.referrer_named:
        raise InvalidPayload("The named referrer does not hold this code.", field=field)
    if not found.referrer_id:
        must_be_usable(tx, found, begun=False)
        raise CannotCount("voucher_not_active", "The code has not been published to anybody.")


def must_be_usable(
    tx: Transaction, found: Code, *, begun: bool, at: datetime | None = None
) -> None:
    """Check the code itself. `begun`: a waiting referral keeps its window past the code's own
    dates. `at`: the time of use, compared with the code's end; None: now."""
    ends = [end for end in (found.voucher_expiration, found.active_until) if end]
    must_be_in_use(tx, found.voucher_active)
    if begun:
        return
    if found.referrer_erased:
        detail = "The code's owner was erased: it takes no new friends."
        raise refused("voucher_disabled", "code_active", detail, **_times(tx))
    must_not_be_over(tx, min(ends, default=None), at)
    start = found.voucher_start
    if start and tx.now < start:
        detail = f"The code is not active before {start:%Y-%m-%d}."
        raise refused("voucher_not_active", "code_dates", detail, **_times(tx, starts=start))


def must_be_in_use(tx: Transaction, active: bool) -> None:
    """Refuse a disabled code."""
    if not active:
        raise refused("voucher_disabled", "code_active", "The code is disabled.", **_times(tx))


def must_not_be_over(tx: Transaction, end: datetime | None, at: datetime | None = None) -> None:
    """Refuse a code after its `end`."""
    if end and (at or tx.now) >= end:
        detail = f"The code expired on {end:%Y-%m-%d %H:%M} UTC."
        raise refused("voucher_expired", "code_dates", detail, **_times(tx, ends=end))


def must_run(tx: Transaction, found: Code, *, begun: bool, at: datetime | None = None) -> None:
    """Check its campaign; `at` as for the code. A code with its own window outlives the campaign's
    end."""
    must_be_switched_on(tx, found.campaign_active)
    if begun:
        return
    start, end = found.start_date, found.expiration_date
    if start and tx.now < start:
        detail = "The campaign has not begun."
        raise refused("campaign_not_live", "campaign_dates", detail, **_times(tx, starts=start))
    if not found.active_until:
        must_not_have_ended(tx, end, at)


def must_be_switched_on(tx: Transaction, active: bool) -> None:
    """Refuse a disabled campaign."""
    if not active:
        detail = "The campaign is disabled."
        raise refused("campaign_not_live", "campaign_active", detail, **_times(tx))


def must_not_have_ended(tx: Transaction, end: datetime | None, at: datetime | None = None) -> None:
    """Refuse a campaign after its `end`."""
    if end and (at or tx.now) >= end:
        detail = "The campaign has ended."
        raise refused("campaign_not_live", "campaign_dates", detail, **_times(tx, ends=end))


def _times(tx: Transaction, **moments: datetime) -> dict[str, str]:
    return {name: moment.isoformat() for name, moment in {"at": tx.now, **moments}.items()}


def must_be_live(tx: Transaction, found: Code, *, new: bool, at: datetime | None = None) -> None:
    """Check code and campaign. Disabled refuses everything; the end of either and an empty budget
    only refuse new referrals, because existing ones keep their window."""
    must_be_usable(tx, found, begun=not new, at=at)
    must_run(tx, found, begun=not new, at=at)
    if new:
        must_have_budget(found.terms, found.used)
