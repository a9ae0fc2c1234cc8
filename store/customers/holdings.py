"""What a person has: codes, coupons, wallets, segments, and a history."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, or_, select
from sqlmodel import col

from domain.segments import Filter
from store.codes.queries import VOUCHER_COLUMNS, VoucherRead, join_voucher, read_voucher
from store.database import ReadSession
from store.lists.pages import Between, Window
from store.tables import (
    Coupon,
    Customer,
    Event,
    Holder,
    Segment,
    SegmentMember,
    Voucher,
    WalletCredit,
)

ACTIVITIES = {
    "customer.created": "customer.created",
    "customer.updated": "customer.updated",
    "referral.attributed": "customer.referred",
    "referral.converted": "customer.custom_event",
    "event.unmatched": "customer.custom_event",
    "grant.delivered": "customer.rewarded",
    "publication.created": "customer.publication.succeeded",
    "publication.failed": "customer.publication.failed",
    "redemption.succeeded": "customer.redemption.succeeded",
    "redemption.failed": "customer.redemption.failed",
    "redemption.rolled_back": "customer.redemption.rollback.succeeded",
}
"""Our events that have a name in Voucherify. The full story is in the timelines."""


class HeldCode(NamedTuple):
    """A code that a person may share."""

    holder: Holder
    read: VoucherRead


class Wallet(NamedTuple):
    """Credits or points of one unit: what came in, what is left, and since when."""

    unit: str
    amount: int
    balance: int
    opened_at: datetime


async def codes_of(session: ReadSession, customer_id: str) -> list[HeldCode]:
    """Codes that the person holds, newest first, at most a hundred."""
    theirs = select(Holder).where(col(Holder.customer_id) == customer_id)
    holders = {
        holder.voucher_id: holder
        for holder in await session.scalars(theirs.order_by(col(Holder.id).desc()).limit(100))
    }
    rows = await session.execute(
        join_voucher(select(Voucher, *VOUCHER_COLUMNS))
        .where(col(Voucher.id).in_(holders))
        .order_by(col(Voucher.id).desc())
    )
    reads = [read_voucher(row) for row in rows]
    return [HeldCode(holders[read.voucher.id], read) for read in reads]


async def coupons_of(session: ReadSession, customer_id: str) -> list[VoucherRead]:
    """Coupons that the person has earned, newest first, at most a hundred."""
    theirs = select(col(Coupon.voucher_id)).where(col(Coupon.customer_id) == customer_id)
    rows = await session.execute(
        join_voucher(select(Voucher, *VOUCHER_COLUMNS))
        .where(col(Voucher.id).in_(theirs))
        .order_by(col(Voucher.id).desc())
        .limit(100)
    )
    return [read_voucher(row) for row in rows]


async def wallets_of(session: ReadSession, customer_id: str) -> list[Wallet]:
    """The person's wallets, one per unit."""
    rows = await session.execute(
        select(
            col(WalletCredit.unit),
            func.sum(WalletCredit.amount),
            func.sum(WalletCredit.remaining),
            func.min(WalletCredit.created_at),
        )
        .where(col(WalletCredit.customer_id) == customer_id)
        .group_by(col(WalletCredit.unit))
        .order_by(col(WalletCredit.unit))
    )
    return [Wallet(unit, int(amount), int(left), since) for unit, amount, left, since in rows]


async def segments_of(session: ReadSession, customer: Customer) -> list[Segment]:
    """Segments that list the person, or whose filter matches now."""
    listed = select(col(SegmentMember.segment_id)).where(
        col(SegmentMember.customer_id) == customer.id
    )
    statement = select(Segment).where(
        or_(col(Segment.id).in_(listed), col(Segment.filter).is_not(None))
    )
    segments = await session.scalars(statement.order_by(col(Segment.id)))
    return [
        segment
        for segment in segments
        if segment.filter is None or Filter.model_validate(segment.filter).fits(customer.attributes)
    ]


class ActivityFilters(NamedTuple):
    """Filters of a history: `type` is Voucherify's word."""

    type: str | None = None
    campaign_id: str | None = None
    at: Between = Between()


async def activity_of(
    session: ReadSession, customer_id: str, window: Window, filters: ActivityFilters
) -> tuple[list[Event], bool]:
    """Events about the person, newest first by default, and whether more follow."""
    seq = col(Event.seq)
    types = [ours for ours, theirs in ACTIVITIES.items() if filters.type in (None, theirs)]
    statement = (
        select(Event)
        .where(col(Event.customer_id) == customer_id, col(Event.type).in_(types))
        .where(*filters.at.holds(col(Event.at)))
        .order_by(seq.asc() if window.oldest_first else seq.desc())
        .offset((window.page - 1) * window.limit)
        .limit(window.limit + 1)
    )
    if filters.campaign_id is not None:
        statement = statement.where(col(Event.campaign_id) == filters.campaign_id)
    after = (window.after or "").removeprefix("evt_")
    if after.isdigit() and len(after) <= 18:
        place = seq > int(after) if window.oldest_first else seq < int(after)
        statement = statement.where(place).offset(None)
    events = list(await session.scalars(statement))
    return events[: window.limit], len(events) > window.limit
