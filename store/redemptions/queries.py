"""Uses of codes, including refused ones, with the customer, the code and the referral."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import func, select
from sqlmodel import col

from domain.refusals import existing
from store.codes.queries import VOUCHER_COLUMNS, VoucherRead, join_voucher, read_voucher
from store.database import ReadSession
from store.lists.births import ids_born, sorted_by
from store.lists.pages import AnySelect, Between, Page, Window, read_page
from store.references import campaign_named, customer_named
from store.referrals.purchases import known_by, sort_known
from store.tables import Customer, Redemption, Referral, Rollback, Voucher


class RedemptionRead(NamedTuple):
    """A use of a code, its customer, its referral, and its rollback. A refused one may have none of
    these."""

    redemption: Redemption
    customer: Customer | None
    referral: Referral | None
    rollback: Rollback | None
    voucher: VoucherRead | None


class Filters(NamedTuple):
    """Filters of a list. `campaign` is a name or an id, `customer` an id or source_id, `result`
    SUCCESS or FAILURE."""

    campaign: str | None = None
    customer: str | None = None
    voucher: str | None = None
    order_source_id: str | None = None
    result: str | None = None
    created: Between = Between()


async def find(session: ReadSession, redemption_id: str) -> RedemptionRead:
    """Raises NotFound."""
    return await _find(session, redemption_id, by_rollback=False)


async def find_rollback(session: ReadSession, rollback_id: str) -> RedemptionRead:
    """The redemption that this rollback undid. Raises NotFound."""
    return await _find(session, rollback_id, by_rollback=True)


async def page(
    session: ReadSession, window: Window, filters: Filters
) -> tuple[list[RedemptionRead], Page]:
    """Uses and refused uses, newest first."""
    # Their ids have different prefixes; the rest sorts both by creation time.
    birth = func.split_part(col(Redemption.id), "_", 2)
    after = window.after.partition("_")[2] if window.after else None
    window = window._replace(after=after)
    narrowed = _narrowed(filters).where(*ids_born(birth, "", filters.created))
    if (order := filters.order_source_id) is not None:
        sort = await sort_known(session, Redemption, order)
        narrowed = narrowed.where(known_by(Redemption, sort, order))
    keys = sorted_by(col(Redemption.created_at), filters.created)
    found = await read_page(
        session,
        _redemptions(),
        birth,
        window,
        ways=[narrowed],
        keys=keys,
        row=col(Redemption.id),
    )
    return [_read(row) for row in found.rows], found


async def _find(session: ReadSession, id: str, *, by_rollback: bool) -> RedemptionRead:
    column = col(Rollback.id) if by_rollback else col(Redemption.id)
    row = existing(
        (await session.execute(_redemptions().where(column == id))).one_or_none(), "redemption", id
    )
    return _read(row)


def _narrowed(filters: Filters) -> AnySelect:
    statement: AnySelect = select(col(Redemption.id))
    campaign, customer = filters.campaign, filters.customer
    if campaign is not None:
        statement = statement.where(col(Redemption.campaign_id) == campaign_named(campaign))
    if customer is not None:
        statement = statement.where(col(Redemption.customer_id) == customer_named(customer))
    if filters.voucher is not None:
        statement = statement.where(col(Redemption.code) == filters.voucher)
    statement = statement.where(*filters.created.holds(col(Redemption.created_at)))
    if filters.result is not None:
        failed = col(Redemption.failure_code).is_not(None)
        statement = statement.where(failed if filters.result == "FAILURE" else ~failed)
    return statement


def _redemptions() -> AnySelect:
    statement = (
        select(Redemption, Customer, Referral, Rollback, Voucher, *VOUCHER_COLUMNS)
        .outerjoin(Customer, col(Customer.id) == Redemption.customer_id)
        .outerjoin(Referral, col(Referral.id) == Redemption.referral_id)
        .outerjoin(Rollback, col(Rollback.redemption_id) == Redemption.id)
        .outerjoin(Voucher, col(Voucher.id) == Redemption.voucher_id)
    )
    return join_voucher(statement, optional=True)


def _read(row: Any) -> RedemptionRead:
    redemption, customer, referral, rollback, *voucher = row
    known = read_voucher(voucher) if voucher[0] else None
    return RedemptionRead(redemption, customer, referral, rollback, known)
