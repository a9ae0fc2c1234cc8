"""Customers, and their referrals."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlmodel import col

from domain.customers import email_searched
from domain.refusals import InvalidPayload, existing
from store.campaigns.rule_queries import segment as find_segment
from store.database import ReadSession
from store.lists.pages import Between, Key, Page, Window, read_page
from store.tables import Customer, Referral, SegmentMember
from store.tables.columns import documents


async def find(session: ReadSession, ref: str) -> Customer:
    """By our id, else by the caller's source_id. Raises NotFound."""
    return existing((await session.scalars(named(ref))).one_or_none(), "customer", ref)


def named(ref: str) -> Select[Customer]:
    """The customer with that id of ours, else with that source_id."""
    return (
        select(Customer)
        .where(
            or_(col(Customer.id) == ref, col(Customer.source_id) == ref),
            col(Customer.erased_at).is_(None),
        )
        .order_by((col(Customer.id) == ref).desc())
        .limit(1)
    )


class Filters(NamedTuple):
    """Filters of a list. `since`: Voucherify's cursor, the `created_at` of the previous page's last
    row; `after` names that row exactly."""

    email: str | None = None
    name: str | None = None
    city: str | None = None
    segment_id: str | None = None
    created: Between = Between()
    updated: Between = Between()
    since: datetime | None = None


_KEYS: dict[str, Key] = {
    # Not by id: `since` is a time, and customers created at the same moment have ids in any order.
    "created_at": col(Customer.created_at),
    "updated_at": func.coalesce(Customer.updated_at, Customer.created_at),
}


async def page(session: ReadSession, window: Window, filters: Filters) -> Page:
    """Customers; rows are (Customer,). Raises NotFound for a segment that does not exist, and
    InvalidPayload for one that is defined by a filter."""
    statement = select(Customer).where(col(Customer.erased_at).is_(None))
    for column, wanted in (
        (func.lower(Customer.email), filters.email and email_searched(filters.email).lower()),
        (col(Customer.name), filters.name),
        (documents(Customer, "address")["city"].astext, filters.city),
    ):
        if wanted is not None:
            statement = statement.where(column == wanted)
    if filters.segment_id is not None:
        statement = statement.where(await _in_segment(session, filters.segment_id))
    statement = statement.where(
        *filters.created.holds(col(Customer.created_at)),
        *filters.updated.holds(col(Customer.updated_at)),
        *_since(window, filters.since),
    )
    # All of these were updated, and then the index of updates sorts them.
    keys = {"updated_at": col(Customer.updated_at)} if any(filters.updated) else {}
    return await read_page(
        session, select(Customer), col(Customer.id), window, ways=[statement], keys=_KEYS | keys
    )


def _since(window: Window, since: datetime | None) -> list[ColumnElement[bool]]:
    if since is None or window.after is not None:
        return []
    born = col(Customer.created_at)
    return [born > since if window.oldest_first else born < since]


async def _in_segment(session: ReadSession, segment_id: str) -> ColumnElement[bool]:
    segment = await find_segment(session, segment_id)
    if segment.filter is not None:
        raise InvalidPayload(
            "segment_id: a segment that a filter describes is not listed anywhere; "
            "GET /v1/customers/{id}/segments tells whether a customer belongs to it."
        )
    members = select(col(SegmentMember.customer_id))
    return col(Customer.id).in_(members.where(col(SegmentMember.segment_id) == segment.id))


async def referrals_of(session: ReadSession, customer_id: str) -> list[Referral]:
    """The referrals of this customer as the referee, oldest first."""
    statement = (
        select(Referral)
        .where(col(Referral.referee_id) == customer_id)
        .order_by(col(Referral.id))
        .limit(100)
    )
    return list(await session.scalars(statement))
