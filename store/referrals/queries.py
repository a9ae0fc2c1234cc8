"""Referrals with their parties and grants."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlalchemy.orm import Mapped, aliased
from sqlmodel import col

from domain.codes import code_typed
from domain.customers import email_searched
from domain.refusals import NotFound
from store.database import ReadSession
from store.grants import queries as grants
from store.grants.queries import GrantRead
from store.pages import AnySelect, Page, Window, read_page
from store.references import customer_named, voucher_of_code
from store.referrals.purchases import known_as
from store.tables import Customer, Redemption, Referral, Voucher


class ReferralRead(NamedTuple):
    """A referral, its code, both parties, and its grants, oldest first."""

    referral: Referral
    code: str
    referrer: Customer
    referee: Customer
    grants: list[GrantRead]


class Filters(NamedTuple):
    """What a list of referrals is narrowed to. Persons by our id or their source_id; `q` is any
    part of a name, address, code or id."""

    campaign_id: str | None = None
    status: str | None = None
    referrer_id: str | None = None
    referee_id: str | None = None
    code: str | None = None
    order_source_id: str | None = None
    email: str | None = None
    q: str | None = None


_Referrer = aliased(Customer)
_Referee = aliased(Customer)
_PARTIES = (_Referrer, _Referee)


async def find(session: ReadSession, referral_id: str) -> ReferralRead:
    """Raises NotFound."""
    statement = _referrals().where(col(Referral.id) == referral_id)
    rows = list(await session.execute(statement))
    if not rows:
        raise NotFound("referral", referral_id)
    return (await _with_grants(session, rows))[0]


async def page(
    session: ReadSession, window: Window, filters: Filters
) -> tuple[list[ReferralRead], Page]:
    """Referrals, newest first."""
    statement = _referrals().where(*_conditions(filters))
    found = await read_page(session, statement, col(Referral.id), window)
    return await _with_grants(session, found.rows), found


def _referrals() -> AnySelect:
    return (
        select(Referral, col(Voucher.code), _Referrer, _Referee)
        .join(Voucher, col(Voucher.id) == Referral.voucher_id)
        .join(_Referrer, col(_Referrer.id) == Referral.referrer_id)
        .join(_Referee, col(_Referee.id) == Referral.referee_id)
    )


async def _with_grants(session: ReadSession, rows: list[Any]) -> list[ReferralRead]:
    granted = await grants.of_referrals(session, [row[0].id for row in rows])
    return [
        ReferralRead(referral, code, referrer, referee, granted[referral.id])
        for referral, code, referrer, referee in rows
    ]


def _conditions(filters: Filters) -> list[ColumnElement[bool]]:
    equal: list[tuple[Mapped[Any], str | None]] = [
        (col(Referral.campaign_id), filters.campaign_id),
        (col(Referral.status), filters.status),
    ]
    conditions = [column == wanted for column, wanted in equal if wanted is not None]
    for party, ref in zip(_PARTIES, (filters.referrer_id, filters.referee_id), strict=True):
        if ref is not None:
            conditions.append(col(party.id) == customer_named(ref))
    if filters.code is not None:
        conditions.append(col(Voucher.id) == voucher_of_code(code_typed(filters.code)))
    if filters.email is not None:
        conditions.append(_of_email(filters.email))
    if filters.order_source_id is not None:
        conditions.append(_of_order(filters.order_source_id))
    if filters.q is not None:
        conditions.append(_anywhere(filters.q))
    return conditions


def _of_email(email: str) -> ColumnElement[bool]:
    """Of either party, however its letters are written. Found among customers first, by index."""
    theirs = select(col(Customer.id)).where(
        func.lower(Customer.email) == email_searched(email).lower()
    )
    return or_(col(Referral.referrer_id).in_(theirs), col(Referral.referee_id).in_(theirs))


def _of_order(order_source_id: str) -> ColumnElement[bool]:
    """The order that converted, or one in which the code gave its discount."""
    redeemed = exists().where(
        col(Redemption.referral_id) == Referral.id, known_as(Redemption, order_source_id)
    )
    return or_(known_as(Referral, order_source_id), redeemed)


def _anywhere(text: str) -> ColumnElement[bool]:
    text = email_searched(text) if "@" in text else text.strip()
    exact = [col(Referral.id) == text, _of_order(text)]
    within: list[Mapped[Any]] = [col(Voucher.code)]
    for party in _PARTIES:
        within += [col(party.name), col(party.email), col(party.source_id)]
    return or_(*exact, *(column.icontains(text, autoescape=True) for column in within))
