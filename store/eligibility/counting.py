"""Counts uses of codes and conversions, for rules and limits.

The facts themselves are counted, under the lock of the campaign's row (or of the referrer's
progress, for that referrer's own limits). So no counter must be kept in step, and a reversed
conversion no longer counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import BigInteger, ColumnElement, Select, and_, bindparam, cast, func, select
from sqlmodel import col

from domain.rules.counters import Counter, Period, What, Whose, span_of
from store.database import Transaction
from store.tables import Campaign, Redemption, Referral


class Subject(NamedTuple):
    """Whose uses are counted. `referral_id` is left out: the current use is added later."""

    campaign_id: str
    voucher_id: str
    customer_id: str
    referrer_id: str
    referral_id: str = ""


_LOCK = (
    select(col(Campaign.id))
    .where(col(Campaign.id) == bindparam("campaign"))
    .with_for_update(key_share=True)
)
_REDEMPTIONS: tuple[ColumnElement[bool], ...] = (
    col(Redemption.campaign_id) == bindparam("campaign"),
    col(Redemption.counts).is_(True),
)
_CONVERSIONS: tuple[ColumnElement[bool], ...] = (
    col(Referral.campaign_id) == bindparam("campaign"),
    col(Referral.ordinal).is_not(None),
    col(Referral.reversed_at).is_(None),
    col(Referral.id) != bindparam("referral"),
)


async def lock_campaign(tx: Transaction, campaign_id: str) -> None:
    """Until the commit nobody else counts in this campaign. Taken after the referrer's progress and
    the friends' marks, before the budget."""
    await tx.session.execute(_LOCK, {"campaign": campaign_id})


async def count_redemptions(
    tx: Transaction, counters: Iterable[Counter], subject: Subject, at: datetime, zone: ZoneInfo
) -> dict[Counter, int]:
    """Earlier redemptions."""
    return await _count(tx, False, counters, subject, at, zone)


async def count_conversions(
    tx: Transaction, counters: Iterable[Counter], subject: Subject, at: datetime, zone: ZoneInfo
) -> dict[Counter, int]:
    """Earlier conversions."""
    return await _count(tx, True, counters, subject, at, zone)


async def _count(
    tx: Transaction,
    conversions: bool,
    counters: Iterable[Counter],
    subject: Subject,
    at: datetime,
    zone: ZoneInfo,
) -> dict[Counter, int]:
    wanted = tuple(sorted(set(counters)))
    if not wanted:
        return {}
    row = (
        await tx.session.execute(
            _statement(wanted, conversions), _parameters(wanted, subject, at, zone)
        )
    ).one()
    return dict(zip(wanted, row, strict=True))


def _parameters(
    counters: tuple[Counter, ...], subject: Subject, at: datetime, zone: ZoneInfo
) -> Mapping[str, Any]:
    spans = {one.period: span_of(one.period, at, zone) for one in counters}
    return {
        "campaign": subject.campaign_id,
        "voucher": subject.voucher_id,
        "customer": subject.customer_id,
        "referrer": subject.referrer_id,
        "referral": subject.referral_id,
        **{f"{period}_start": span.start for period, span in spans.items()},
        **{f"{period}_end": span.end for period, span in spans.items()},
    }


@lru_cache(maxsize=500)
def _statement(counters: tuple[Counter, ...], conversions: bool) -> Select[*tuple[Any, ...]]:
    """All counts in one row. Built once for each combination that a campaign uses."""
    return select(*(_number(one, conversions).scalar_subquery() for one in counters))


def _number(counter: Counter, conversions: bool) -> Select[Any]:
    # Only redemptions have a discount.
    if conversions and counter.what is not What.DISCOUNTS:
        table: type[Referral] | type[Redemption] = Referral
        orders, own, time = col(Referral.order_amount), _CONVERSIONS, col(Referral.converted_at)
    else:
        table = Redemption
        orders, own, time = col(Redemption.amount), _REDEMPTIONS, col(Redemption.created_at)
    what: dict[What, ColumnElement[int]] = {
        What.USES: func.count(),
        What.ORDERS: _sum(orders),
        What.DISCOUNTS: _sum(col(Redemption.discount_amount)),
    }
    conditions = [*own, *_whose(counter.whose, table)]
    if counter.period is not Period.TOTAL:
        start, end = f"{counter.period}_start", f"{counter.period}_end"
        conditions.append(and_(time >= bindparam(start), time < bindparam(end)))
    return select(what[counter.what]).where(*conditions)


def _sum(column: Any) -> ColumnElement[int]:
    return cast(func.coalesce(func.sum(column), 0), BigInteger)


def _whose(
    whose: Whose, table: type[Referral] | type[Redemption]
) -> tuple[ColumnElement[bool], ...]:
    customer = col(Referral.referee_id if table is Referral else Redemption.customer_id)
    by_code = col(table.voucher_id) == bindparam("voucher")
    by_customer = customer == bindparam("customer")
    match whose:
        case Whose.CODE:
            return (by_code,)
        case Whose.CUSTOMER:
            return (by_customer,)
        case Whose.CUSTOMER_AND_CODE:
            return (by_code, by_customer)
        case Whose.REFERRER:
            return (col(Referral.referrer_id) == bindparam("referrer"),)
        case _:
            return ()
