"""Finds the referrals of a shop's order, by any of its ids."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import ARRAY, ColumnElement, Text, and_, bindparam, or_, select, text
from sqlmodel import col

from domain.campaigns import CampaignTerms, Review
from domain.fraud import Response
from domain.purchases import NO_ORDER, OrderIds, Sort, key
from domain.verdict import Verdict, refused_by
from domain.verdicts import same_order_verdict
from store.access.erasures import erased_form
from store.database import ReadSession, Transaction
from store.tables import Redemption, Referral

# In a fixed order, so that two events that name the same two orders cannot deadlock.
_LOCK = text(
    "SELECT pg_advisory_xact_lock(lock) FROM (SELECT DISTINCT hashtextextended(key, 0) AS lock"
    " FROM unnest(CAST(:keys AS text[])) AS given(key) ORDER BY lock) AS locks"
)

# Valid conversions: neither rejected nor wholly undone. `order_ids` is NULL for conversions from
# before all ids were stored.
_FIRST = text(
    "SELECT id FROM referrals WHERE campaign_id = :campaign AND id <> :own"
    " AND (order_ids && CAST(:keys AS text[]) OR (order_ids IS NULL AND order_source_id = :main))"
    " AND converted_at IS NOT NULL AND reversed_at IS NULL"
    " AND status NOT IN ('waiting', 'rejected', 'expired', 'reversed')"
    " AND (ordinal IS NOT NULL OR CAST(:before AS timestamptz) IS NULL"
    " OR (converted_at, id) < (CAST(:before AS timestamptz), :own))"
    " ORDER BY converted_at, id LIMIT 1"
)


async def erased_keys(tx: Transaction, orders: OrderIds) -> list[str]:
    """The keys in the form that is kept once the order's person is erased."""
    own = [key(Sort.SOURCE_ID, await erased_form(tx, each)) for each in orders.source_ids]
    return own + [key(Sort.ID, await erased_form(tx, each)) for each in orders.ids]


async def lock_orders(tx: Transaction, orders: Iterable[OrderIds]) -> None:
    """Make other requests about these orders, under any of their ids, wait for this transaction.
    Called before any campaign's lock is taken, or without one."""
    keys = sorted({key for one in orders for key in one.keys})
    if keys:
        await tx.session.execute(_LOCK, {"keys": keys})


async def must_be_unused(
    tx: Transaction, terms: CampaignTerms, campaign_id: str, orders: OrderIds, own: str = ""
) -> None:
    """Raises CannotCount if the order has converted another referral of the campaign, and the terms
    refuse that.

    The caller holds the order's lock, so of two at once the second sees the first. `own`: the
    referral that is to be converted."""
    response = terms.fraud.same_order
    if response is not Response.REFUSE or not orders.keys:
        return
    verdict = await _verdict(tx, response, campaign_id, orders, own, None)
    if not verdict.passed:
        raise refused_by("order_already_used", verdict)


async def same_order(tx: Transaction, referral: Referral, terms: CampaignTerms) -> list[Verdict]:
    """The verdict of a conversion that names an order, when it is judged; none if no order was
    named or the terms do not care. If two conversions name the same order, the first to be judged
    counts as first, else the first to be accepted."""
    response, looked = terms.fraud.same_order, terms.review is not Review.NONE
    orders = orders_of_row(referral)
    if not orders.keys or not terms.fraud.makes(response, looked):
        return []
    own, before = referral.id, referral.converted_at
    return [await _verdict(tx, response, referral.campaign_id, orders, own, before)]


async def _verdict(
    tx: Transaction,
    response: Response,
    campaign_id: str,
    orders: OrderIds,
    own: str,
    before: datetime | None,
) -> Verdict:
    keys = [*orders.keys, *await erased_keys(tx, orders)]
    sought = {"campaign": campaign_id, "own": own, "before": before}
    first = await tx.session.scalar(_FIRST, sought | {"keys": keys, "main": orders.main})
    return same_order_verdict(response, orders.main or "", first)


def orders_of_row(row: Referral | Redemption) -> OrderIds:
    """The ids of a stored order. Rows from before all ids were stored have the displayed one, taken
    as the shop's own."""
    if row.order_ids is not None:
        return OrderIds.of_keys(row.order_ids)
    return OrderIds(source_ids=(row.order_source_id,)) if row.order_source_id else NO_ORDER


_REDEEMED = (
    select(Redemption)
    .where(
        col(Redemption.referral_id).in_(bindparam("referrals", expanding=True)),
        col(Redemption.counts),
        col(Redemption.order_source_id).is_not(None),
    )
    .order_by(col(Redemption.id))
)


async def redeemed_orders(tx: Transaction, referrals: list[Referral]) -> dict[str, OrderIds]:
    """The order of each referral's latest redemption, which an event without an order is about."""
    found = await tx.session.scalars(_REDEEMED, {"referrals": [one.id for one in referrals]})
    return {str(one.referral_id): orders_of_row(one) for one in found}


def known_by(
    table: type[Referral] | type[Redemption], sort: Sort, *values: str
) -> ColumnElement[bool]:
    """Rows whose order came with one of these ids. Before all ids were stored, their sort was
    unknown."""
    keys = bindparam(None, [key(sort, value) for value in values], type_=ARRAY(Text))
    named = col(table.order_ids).op("&&", is_comparison=True)(keys)
    old = and_(col(table.order_ids).is_(None), col(table.order_source_id).in_(values))
    return or_(named, old)


def any_of(table: type[Referral] | type[Redemption], orders: OrderIds) -> ColumnElement[bool]:
    """Rows of an order with these ids, compared within their sort."""
    keys = bindparam(None, orders.keys, type_=ARRAY(Text))
    named = col(table.order_ids).op("&&", is_comparison=True)(keys)
    old = and_(col(table.order_ids).is_(None), col(table.order_source_id) == orders.main)
    return or_(named, old)


async def sort_known(
    session: ReadSession, table: type[Referral] | type[Redemption], value: str
) -> Sort:
    """Whether this is the shop's own id of an order; where no order has it, another system's."""
    own = select(col(table.id)).where(known_by(table, Sort.SOURCE_ID, value)).limit(1)
    return Sort.SOURCE_ID if await session.scalar(own) is not None else Sort.ID
