"""Grants, each with its latest order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import and_, func, select
from sqlmodel import col

from domain.refusals import NotFound
from store.database import ReadSession
from store.lists.pages import AnySelect, Page, Window, read_page
from store.tables import Coupon, Customer, Grant, Order, Voucher


class GrantRead(NamedTuple):
    """A grant, its recipient, its current order, and its coupon's code."""

    grant: Grant
    recipient: Customer
    order: Order | None
    coupon_code: str | None = None


async def find(session: ReadSession, grant_id: str) -> GrantRead:
    """Raises NotFound."""
    row = (await session.execute(_grants().where(col(Grant.id) == grant_id))).one_or_none()
    if row is None:
        raise NotFound("grant", grant_id)
    return GrantRead(*row)


async def of_referrals(
    session: ReadSession, referral_ids: Sequence[str]
) -> dict[str, list[GrantRead]]:
    """The grants of each referral, oldest first, the referee's before the referrer's."""
    found: dict[str, list[GrantRead]] = {referral_id: [] for referral_id in referral_ids}
    statement = (
        _grants()
        .where(col(Grant.referral_id).in_(referral_ids))
        .order_by(col(Grant.created_at), col(Grant.role), col(Grant.id))
    )
    for row in await session.execute(statement):
        read = GrantRead(*row)
        found[read.grant.referral_id].append(read)
    return found


async def page(
    session: ReadSession,
    window: Window,
    *,
    campaign_id: str | None,
    referral_id: str | None,
    recipient_id: str | None,
    status: str | None,
    kind: str | None,
) -> tuple[list[GrantRead], Page]:
    """Grants, newest first."""
    narrowed: AnySelect = select(col(Grant.id))
    for column, wanted in (
        (Grant.campaign_id, campaign_id),
        (Grant.referral_id, referral_id),
        (Grant.recipient_id, recipient_id),
        (Grant.status, status),
        (Grant.kind, kind),
    ):
        if wanted is not None:
            narrowed = narrowed.where(col(column) == wanted)
    found = await read_page(session, _grants(), col(Grant.id), window, ways=[narrowed])
    return [GrantRead(*row) for row in found.rows], found


def _grants() -> AnySelect:
    latest = (
        select(func.max(Order.generation))
        .where(col(Order.grant_id) == Grant.id)
        .correlate(Grant)
        .scalar_subquery()
    )
    return (
        select(Grant, Customer, Order, col(Voucher.code))
        .join(Customer, col(Customer.id) == Grant.recipient_id)
        .outerjoin(Order, and_(col(Order.grant_id) == Grant.id, col(Order.generation) == latest))
        .outerjoin(Coupon, col(Coupon.grant_id) == Grant.id)
        .outerjoin(Voucher, col(Voucher.id) == Coupon.voucher_id)
    )
