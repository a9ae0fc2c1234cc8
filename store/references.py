"""Finds what a caller names. Our id wins: a caller's own name may look like the id of something
else, and must neither hide it nor be confused with it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, func, or_, select
from sqlmodel import col

from store.tables import Campaign, Customer, Voucher


def customer_named(ref: Any) -> ScalarSelect[str]:
    """The id of the person with this id, else with this `source_id`; NULL if there is none. `ref`
    may be a bind parameter."""
    return _one(col(Customer.id), col(Customer.source_id), ref)


def campaign_named(ref: Any) -> ScalarSelect[str]:
    """The id of the campaign with this id, else with this name."""
    return _one(col(Campaign.id), col(Campaign.name), ref)


def voucher_named(ref: Any) -> ColumnElement[str]:
    """The id of the code with this id, else with this exact code, else of the only code that
    matches ignoring case, spaces and dashes."""
    return func.coalesce(_one(col(Voucher.id), col(Voucher.code), ref), _read_like(ref))


def voucher_of_code(code: Any) -> ColumnElement[str]:
    """The same, without ids."""
    exact = select(col(Voucher.id)).where(col(Voucher.code) == code).correlate(None)
    return func.coalesce(exact.scalar_subquery(), _read_like(code))


def _read_like(code: Any) -> ScalarSelect[str]:
    """The only code that matches ignoring case, spaces and kinds of dashes; NULL if there are
    several: those are found when typed exactly."""
    alike = func.code_reading(Voucher.code) == func.code_reading(code)
    statement = select(func.min(Voucher.id)).where(alike).having(func.count() == 1)
    return statement.correlate(None).scalar_subquery()


def _one(id: Any, name: Any, ref: Any) -> ScalarSelect[str]:
    statement = select(id).where(or_(id == ref, name == ref)).order_by((id == ref).desc()).limit(1)
    # A separate alias, because the surrounding statement may read the same table.
    return statement.correlate(None).scalar_subquery()
