"""A campaign's counters as a part of other statements."""

from __future__ import annotations

from sqlalchemy import BigInteger, ColumnElement, cast, func, select
from sqlmodel import col

from store.tables import Campaign, CountChange, DailyCount


def counted_of_campaign(name: str, unit: str = "%") -> ColumnElement[int]:
    """What is counted under a name, of the campaign that the statement selects: the sums, and the
    changes that are not added up yet. `unit`: a pattern of SQL's LIKE."""
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
