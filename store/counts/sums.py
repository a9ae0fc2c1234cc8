"""SQL that reads a campaign's counters inside other statements."""

from __future__ import annotations

from sqlalchemy import BigInteger, ColumnElement, cast, func, select
from sqlmodel import col

from store.tables import Campaign, CountChange, DailyCount


def counted_of_campaign(name: str, unit: str = "%") -> ColumnElement[int]:
    """The count of this name, for the campaign that the surrounding statement selects: the sums
    plus the changes that are not added up yet. `unit`: a pattern for SQL's LIKE."""
    parts = [
        func.coalesce(
            select(cast(func.sum(col(table.amount)), BigInteger))
            .where(
                col(table.campaign_id) == Campaign.id,
                col(table.name) == name,
                col(table.unit).like(unit),
            )
            .correlate(Campaign)
            .scalar_subquery(),
            0,
        )
        for table in (DailyCount, CountChange)
    ]
    return parts[0] + parts[1]
