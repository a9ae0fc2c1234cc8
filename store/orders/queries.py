"""Gift-card orders, page by page or all in one stream."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, or_, select
from sqlmodel import col

from domain.ids import Prefix
from domain.refusals import existing
from store.database import ReadSession
from store.lists.births import ids_born, sorted_by
from store.lists.pages import CHUNK, AnySelect, Between, Page, Window, read_page
from store.tables import Grant, Order


class Filters(NamedTuple):
    """Filters of a list of orders. `since` is included, `until` is not."""

    provider: str | None = None
    state: str | None = None
    key: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def within(self) -> Between:
        """The same as a period."""
        return Between(before=self.until, after=self.since)


async def find(session: ReadSession, order_id: str) -> Order:
    """Raises NotFound."""
    return existing(await session.get(Order, order_id), "gift-card order", order_id)


async def page(session: ReadSession, window: Window, filters: Filters) -> tuple[list[Order], Page]:
    """Orders, newest first."""
    found = await read_page(
        session,
        select(Order),
        col(Order.id),
        window,
        ways=[_orders(filters)],
        keys=sorted_by(col(Order.created_at), filters.within),
    )
    return [row[0] for row in found.rows], found


async def chunk(session: ReadSession, after: Order | None, filters: Filters) -> list[Order]:
    """Some orders, oldest first: those behind `after`. Empty at the end."""
    statement = _orders(filters).order_by(col(Order.id)).limit(CHUNK)
    if after is not None:
        statement = statement.where(col(Order.id) > after.id)
    return list(await session.scalars(statement))


def _orders(filters: Filters) -> AnySelect:
    statement = select(Order)
    if filters.provider is not None:
        statement = statement.where(col(Order.provider) == filters.provider)
    if filters.state is not None:
        statement = statement.where(col(Order.state) == filters.state)
    if filters.key is not None:
        statement = statement.where(col(Order.key) == filters.key)
    if filters.since is not None:
        statement = statement.where(col(Order.created_at) >= filters.since)
    if filters.until is not None:
        statement = statement.where(col(Order.created_at) < filters.until)
    return statement.where(*ids_born(col(Order.id), Prefix.ORDER, filters.within))


class Hooked(NamedTuple):
    """The order that a webhook concerns, and the workflow that handles its grant."""

    order: Order
    referral_id: str
    workflow_id: str
    grant_status: str
    followed: bool
    """The activity that placed it stays with it, and hears of news itself."""


_HOOKED = select(
    Order,
    col(Grant.referral_id),
    col(Grant.workflow_id),
    col(Grant.status),
    func.coalesce(col(Order.followed_until) > func.clock_timestamp(), False),
).join(Grant, col(Grant.id) == Order.grant_id)


async def find_by_hook(session: ReadSession, provider: str, token: str) -> Hooked | None:
    """The order of this unguessable address."""
    statement = _HOOKED.where(col(Order.provider) == provider, col(Order.hook_token) == token)
    row = (await session.execute(statement)).one_or_none()
    return Hooked(*row) if row else None


async def find_named(
    session: ReadSession, provider: str, key: str | None, provider_order_id: str | None
) -> Hooked | None:
    """The order with our key or with the provider's own id."""
    names = or_(col(Order.key) == key, col(Order.provider_order_id) == provider_order_id)
    statement = _HOOKED.where(col(Order.provider) == provider, names).limit(1)
    row = (await session.execute(statement)).one_or_none()
    return Hooked(*row) if row else None
