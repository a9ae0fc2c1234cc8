"""What a referral code stands for: who is rewarded, under which terms, and whether it can count."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, bindparam, or_, select
from sqlmodel import col

from domain.campaigns import CampaignTerms
from domain.refusals import CannotCount, InvalidPayload, NotFound
from store.database import Transaction
from store.tables import Budget, Campaign, Customer, Holder, Referral, Voucher
from store.terms import terms_of


class Code(NamedTuple):
    """A code with everything that decides whether it can count. `used`: what is reserved and
    committed of the budget, minor units."""

    code: str
    voucher_id: str
    voucher_active: bool
    campaign_id: str
    campaign_active: bool
    start_date: datetime | None
    expiration_date: datetime | None
    version: int
    terms: CampaignTerms
    referrer_id: str
    existing: Referral | None
    used: int


def _code_statement(holds: ColumnElement[bool]) -> Any:
    """A code with everything that decides whether it can count, in one statement. Built once:
    putting it together takes longer than running it."""
    return (
        select(
            col(Voucher.id).label("voucher_id"),
            col(Voucher.active).label("voucher_active"),
            col(Campaign.id).label("campaign_id"),
            col(Campaign.active).label("campaign_active"),
            col(Campaign.start_date),
            col(Campaign.expiration_date),
            col(Campaign.version),
            col(Holder.customer_id).label("referrer_id"),
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
_BY_HOLDER = _code_statement(
    col(Holder.customer_id).in_(
        select(col(Customer.id)).where(
            or_(
                col(Customer.id) == bindparam("referrer"),
                col(Customer.source_id) == bindparam("referrer"),
            )
        )
    )
)


async def look_up(tx: Transaction, code: str, referee_id: str, referrer: str | None) -> Code:
    """The code, who is rewarded for it, its campaign's current terms, and what this friend
    already has there. The named referrer must hold the code; else the owner is."""
    parameters = {"code": code, "referee_id": referee_id}
    if referrer is None:
        result = await tx.session.execute(_BY_OWNER, parameters)
    else:
        result = await tx.session.execute(_BY_HOLDER, parameters | {"referrer": referrer})
    row = result.one_or_none()
    if row is None:
        raise NotFound("voucher", code, field="/code")
    _check_parties(row.referrer_id, referee_id, referrer)
    members = dict(row._mapping)
    existing_id, used = members.pop("existing_id"), members.pop("used") or 0
    return Code(
        code=code,
        terms=await terms_of(tx, row.campaign_id, row.version),
        existing=await tx.session.get(Referral, existing_id) if existing_id else None,
        used=used,
        **members,
    )


def _check_parties(referrer_id: str | None, referee_id: str, named: str | None) -> None:
    if referrer_id is None and named is not None:
        raise InvalidPayload("The named referrer does not hold this code.", field="/referrer_id")
    if referrer_id is None:
        raise CannotCount("voucher_not_active", "The code has not been published to anybody.")
    if referrer_id == referee_id:
        raise CannotCount("referrer_not_permitted_to_redeem", "A referrer cannot use an own code.")


def must_be_live(tx: Transaction, found: Code, *, new: bool) -> None:
    """Disabled refuses everything; the campaign's end and an empty budget refuse new referrals,
    for a referral begun before keeps its window."""
    if not found.voucher_active:
        raise CannotCount("voucher_disabled", "The code is disabled.")
    if not found.campaign_active:
        raise CannotCount("campaign_not_live", "The campaign is disabled.")
    if not new:
        return
    if found.start_date and tx.now < found.start_date:
        raise CannotCount("campaign_not_live", "The campaign has not begun.")
    if found.expiration_date and tx.now >= found.expiration_date:
        raise CannotCount("campaign_not_live", "The campaign has ended.")
    _must_have_budget(found)


def _must_have_budget(found: Code) -> None:
    """An early, friendly no. The limit itself is kept by qualification, under its lock."""
    limit = found.terms.limits.budget
    if limit is None:
        return
    left = limit.amount - found.used
    if left <= 0 or left < found.terms.least_cost():
        raise CannotCount("budget_exhausted", "The campaign's budget is spent.", left=left)
