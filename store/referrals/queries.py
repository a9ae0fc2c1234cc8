"""Referrals with their parties and grants."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Mapped, aliased
from sqlmodel import col

from domain.codes import code_typed
from domain.refusals import NotFound
from store.database import ReadSession
from store.grants import queries as grants
from store.grants.queries import GrantRead
from store.lists.pages import AnySelect, Page, Window, read_page
from store.references import customer_named, voucher_of_code
from store.referrals import search
from store.tables import Customer, Referral, Voucher


class ReferralRead(NamedTuple):
    """A referral, its code, both parties, and its grants, oldest first."""

    referral: Referral
    code: str
    referrer: Customer
    referee: Customer
    grants: list[GrantRead]


class Filters(NamedTuple):
    """Filters of a list of referrals. Persons by our id or their source_id. `q` is searched by
    store.referrals.search."""

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
    ways, estimate = await _ways(session, filters)
    found = await read_page(
        session, _referrals(), col(Referral.id), window, ways=ways, estimate=estimate
    )
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


async def _ways(session: ReadSession, filters: Filters) -> tuple[list[AnySelect], int | None]:
    """The indexes that find the list, and an estimate of its length if there are none."""
    narrowed = select(col(Referral.id)).where(*_conditions(filters))
    ways: list[AnySelect] = [narrowed]
    estimate = None
    if filters.email is not None:
        of_either = search.of_parties(await search.people_of_email(session, filters.email))
        ways = [way.where(one) for way in ways for one in of_either]
    if filters.order_source_id is not None:
        of_order = search.of_ids(await search.of_order(session, filters.order_source_id))
        ways = [way.where(one) for way in ways for one in of_order]
    if filters.q is not None:
        found = await search.anywhere(session, filters.q)
        ways = [way.where(one) for way in ways for one in found.conditions]
        estimate = found.estimate
    return ways, estimate


def _conditions(filters: Filters) -> list[ColumnElement[bool]]:
    equal: list[tuple[Mapped[Any], Any]] = [
        (col(Referral.campaign_id), filters.campaign_id),
        (col(Referral.status), filters.status),
        (col(Referral.referrer_id), _given(customer_named, filters.referrer_id)),
        (col(Referral.referee_id), _given(customer_named, filters.referee_id)),
        (col(Referral.voucher_id), _given(voucher_of_code, _given(code_typed, filters.code))),
    ]
    return [column == wanted for column, wanted in equal if wanted is not None]


def _given(read: Callable[[str], Any], value: str | None) -> Any:
    return None if value is None else read(value)
