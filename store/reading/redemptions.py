"""Redemptions with the customer, the code and the referral."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import or_, select
from sqlmodel import col

from domain.refusals import NotFound
from store.database import ReadSession
from store.reading.codes import VOUCHER_COLUMNS, VoucherRead, join_voucher, read_voucher
from store.reading.pages import AnySelect, Page, Window, read_page
from store.tables import Campaign, Customer, Redemption, Referral, Voucher


class RedemptionRead(NamedTuple):
    """A redemption, who used which code, and the referral that it belongs to."""

    redemption: Redemption
    customer: Customer
    referral: Referral
    voucher: VoucherRead


async def find(session: ReadSession, redemption_id: str) -> RedemptionRead:
    """Raises NotFound."""
    statement = _redemptions().where(col(Redemption.id) == redemption_id)
    row = (await session.execute(statement)).one_or_none()
    if row is None:
        raise NotFound("redemption", redemption_id)
    return _read(row)


async def page(
    session: ReadSession,
    window: Window,
    *,
    campaign: str | None,
    customer: str | None,
    voucher: str | None,
    order_source_id: str | None,
) -> tuple[list[RedemptionRead], Page]:
    """Redemptions, newest first. `campaign` is a name or an id, `customer` an id or source_id."""
    statement = _redemptions()
    if campaign is not None:
        statement = statement.where(
            or_(col(Campaign.name) == campaign, col(Campaign.id) == campaign)
        )
    if customer is not None:
        statement = statement.where(
            or_(col(Customer.id) == customer, col(Customer.source_id) == customer)
        )
    if voucher is not None:
        statement = statement.where(col(Voucher.code) == voucher)
    if order_source_id is not None:
        statement = statement.where(col(Redemption.order_source_id) == order_source_id)
    found = await read_page(session, statement, col(Redemption.id), window)
    return [_read(row) for row in found.rows], found


def _redemptions() -> AnySelect:
    statement = (
        select(Redemption, Customer, Referral, Voucher, *VOUCHER_COLUMNS)
        .join(Customer, col(Customer.id) == Redemption.customer_id)
        .join(Referral, col(Referral.id) == Redemption.referral_id)
        .join(Voucher, col(Voucher.id) == Redemption.voucher_id)
    )
    return join_voucher(statement)


def _read(row: Any) -> RedemptionRead:
    redemption, customer, referral, *voucher = row
    return RedemptionRead(redemption, customer, referral, read_voucher(voucher))
