"""Codes with everything that is shown about them, and their publications."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, exists, false, func, select
from sqlalchemy.orm import aliased
from sqlmodel import col

from domain.campaigns import CampaignTerms
from domain.codes import code_typed
from domain.discounts import Discount
from domain.ids import Prefix
from domain.refusals import existing
from store.codes.assign import OWNER
from store.codes.coupons import discount_of
from store.database import ReadSession
from store.lists.births import ids_born, sorted_by
from store.lists.pages import AnySelect, Between, Key, Page, Window, read_page
from store.references import campaign_named, customer_named, voucher_named, voucher_of_code
from store.tables import (
    Campaign,
    CampaignVersion,
    Coupon,
    Customer,
    Holder,
    LinkVisits,
    Publication,
    Voucher,
)


class VoucherRead(NamedTuple):
    """A code, its campaign and terms, its owner, and how often it was published."""

    voucher: Voucher
    campaign: Campaign
    terms: CampaignTerms
    owner_id: str | None
    publications: int
    visits: int
    """How often its short link was followed."""
    coupon: Coupon | None = None
    """Set if the code is one person's reward instead of a referral code."""

    @property
    def discount(self) -> Discount | None:
        """The discount that the code gives on an order."""
        return discount_of(self.coupon) if self.coupon else self.terms.discount


class PublicationRead(NamedTuple):
    """A publication, its customer, and the code."""

    publication: Publication
    customer: Customer
    voucher: VoucherRead


async def find_voucher(session: ReadSession, code: str) -> VoucherRead:
    """By id, else by code. Raises NotFound."""
    statement = join_voucher(select(Voucher, *VOUCHER_COLUMNS)).where(
        col(Voucher.id) == voucher_named(code_typed(code))
    )
    row = existing((await session.execute(statement)).one_or_none(), "voucher", code)
    return read_voucher(row)


class Filters(NamedTuple):
    """Filters of a list of codes: a campaign's name or id, a holder's id or source_id."""

    campaign: str | None = None
    campaign_id: str | None = None
    customer: str | None = None
    code: str | None = None
    created: Between = Between()
    updated: Between = Between()
    alike: bool = False
    """Only codes that differ from another one only in how they are typed; they are found only when
    typed exactly."""


_KEYS: dict[str, Key] = {"updated_at": func.coalesce(Voucher.updated_at, Voucher.created_at)}


async def page_vouchers(
    session: ReadSession, window: Window, filters: Filters
) -> tuple[list[VoucherRead], Page]:
    """Codes, newest first."""
    statement: AnySelect = select(col(Voucher.id))
    if filters.campaign is not None:
        named = select(col(Campaign.id)).where(col(Campaign.name) == filters.campaign)
        statement = statement.where(col(Voucher.campaign_id) == named.scalar_subquery())
    for column, wanted in (
        (col(Voucher.campaign_id), filters.campaign_id),
        (col(Voucher.id), _meant(filters.code)),
    ):
        if wanted is not None:
            statement = statement.where(column == wanted)
    if filters.alike:
        statement = statement.where(func.code_reading(Voucher.code).in_(_read_alike()))
    if filters.customer is not None:
        statement = statement.where(col(Voucher.id).in_(_held_by(filters.customer)))
    statement = statement.where(
        *filters.created.holds(col(Voucher.created_at)),
        *ids_born(col(Voucher.id), Prefix.VOUCHER, filters.created),
        *filters.updated.holds(col(Voucher.updated_at)),
    )
    vouchers = join_voucher(select(Voucher, *VOUCHER_COLUMNS))
    keys = _KEYS | sorted_by(col(Voucher.created_at), filters.created)
    if any(filters.updated):  # then the index of updates sorts them
        keys |= {"updated_at": col(Voucher.updated_at)}
    found = await read_page(session, vouchers, col(Voucher.id), window, ways=[statement], keys=keys)
    return [read_voucher(row) for row in found.rows], found


def _read_alike() -> Select[str]:
    """Readings that several codes have. Generated codes are all read differently, so one of the
    several was brought along."""
    brought, other = aliased(Voucher), aliased(Voucher)
    reading = func.code_reading(brought.code)
    same = and_(func.code_reading(other.code) == reading, col(other.id) != col(brought.id))
    return select(reading).where(
        col(brought.generated).is_not(True), exists().where(same).correlate(brought)
    )


def _meant(code: str | None) -> ColumnElement[str] | None:
    return voucher_of_code(code_typed(code)) if code is not None else None


def _held_by(customer: str) -> Select[str]:
    return select(col(Holder.voucher_id)).where(col(Holder.customer_id) == customer_named(customer))


async def find_publication(session: ReadSession, publication_id: str) -> PublicationRead:
    """A publication that exists."""
    statement = _publications().where(col(Publication.id) == publication_id)
    return _publication((await session.execute(statement)).one())


async def page_publications(
    session: ReadSession,
    window: Window,
    *,
    campaign: str | None,
    customer: str | None,
    voucher: str | None,
    source_id: str | None,
    none: bool,
) -> tuple[list[PublicationRead], Page]:
    """Publications, newest first. `campaign` is a name or an id, `customer` an id or source_id;
    `none`: return an empty page, for filters that match no publication."""
    statement: AnySelect = select(col(Publication.id))
    if none:
        statement = statement.where(false())
    for column, wanted in (
        (col(Publication.campaign_id), campaign_named(campaign) if campaign is not None else None),
        (col(Publication.customer_id), customer_named(customer) if customer is not None else None),
        (col(Publication.voucher_id), _meant(voucher)),
        (col(Publication.source_id), source_id),
    ):
        if wanted is not None:
            statement = statement.where(column == wanted)
    found = await read_page(session, _publications(), col(Publication.id), window, ways=[statement])
    return [_publication(row) for row in found.rows], found


VOUCHER_COLUMNS: tuple[Any, ...] = (
    Campaign,
    col(CampaignVersion.terms),
    col(Holder.customer_id),
    select(func.count())
    .where(col(Publication.voucher_id) == Voucher.id)
    .correlate(Voucher)
    .scalar_subquery(),
    select(func.coalesce(func.sum(LinkVisits.visits), 0))
    .where(col(LinkVisits.voucher_id) == Voucher.id)
    .correlate(Voucher)
    .scalar_subquery(),
    Coupon,
)


def join_voucher(statement: AnySelect, *, optional: bool = False) -> AnySelect:
    """The joins that `VOUCHER_COLUMNS` needs; `optional`: the voucher may be missing."""
    return (
        statement.join(Campaign, col(Campaign.id) == Voucher.campaign_id, isouter=optional)
        .join(
            CampaignVersion,
            and_(
                col(CampaignVersion.campaign_id) == Campaign.id,
                col(CampaignVersion.version) == Campaign.version,
            ),
            isouter=optional,
        )
        .outerjoin(Holder, and_(col(Holder.voucher_id) == Voucher.id, col(Holder.role) == OWNER))
        .outerjoin(Coupon, col(Coupon.voucher_id) == Voucher.id)
    )


def _publications() -> AnySelect:
    statement = (
        select(Publication, Customer, Voucher, *VOUCHER_COLUMNS)
        .join(Customer, col(Customer.id) == Publication.customer_id)
        .join(Voucher, col(Voucher.id) == Publication.voucher_id)
    )
    return join_voucher(statement)


def read_voucher(row: Any) -> VoucherRead:
    voucher, campaign, terms, owner_id, publications, visits, coupon = row
    terms = CampaignTerms.model_validate(terms)
    return VoucherRead(voucher, campaign, terms, owner_id, publications, int(visits), coupon)


def _publication(row: Any) -> PublicationRead:
    publication, customer, *voucher = row
    return PublicationRead(publication, customer, read_voucher(voucher))
