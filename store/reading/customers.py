"""Customers, and what refers to them."""

from __future__ import annotations

from sqlalchemy import or_, select
from sqlmodel import col

from domain.refusals import NotFound
from store.database import ReadSession
from store.reading.pages import Page, Window, read_page
from store.tables import Customer, Referral


async def find(session: ReadSession, ref: str) -> Customer:
    """By our id, else by the caller's source_id. Raises NotFound."""
    statement = (
        select(Customer)
        .where(
            or_(col(Customer.id) == ref, col(Customer.source_id) == ref),
            col(Customer.erased_at).is_(None),
        )
        .order_by((col(Customer.id) == ref).desc())
        .limit(1)
    )
    customer = (await session.scalars(statement)).one_or_none()
    if customer is None:
        raise NotFound("customer", ref)
    return customer


async def page(
    session: ReadSession, window: Window, *, email: str | None, name: str | None
) -> Page:
    """Customers; rows are (Customer,)."""
    statement = select(Customer).where(col(Customer.erased_at).is_(None))
    if email is not None:
        statement = statement.where(col(Customer.email) == email)
    if name is not None:
        statement = statement.where(col(Customer.name) == name)
    return await read_page(session, statement, col(Customer.id), window)


async def referrals_of(session: ReadSession, customer_id: str) -> list[Referral]:
    """The referrals in which this customer is the friend, oldest first."""
    statement = (
        select(Referral)
        .where(col(Referral.referee_id) == customer_id)
        .order_by(col(Referral.id))
        .limit(100)
    )
    return list(await session.scalars(statement))
