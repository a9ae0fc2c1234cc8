"""A campaign in figures: the funnel, money, top referrers, and counts by day.

Each figure counts what began within the period (attributed, used, published); amounts of money are
the current ones. All are read from the counters (`store.counts`): the sums, plus the changes that
are not added up yet."""

from __future__ import annotations

from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import Row, text

from store.database import ReadSession

Rows = list[Row[Any]]


class Period(NamedTuple):
    """Days, UTC, both included. None: without limit."""

    first: date | None
    last: date | None


class Summary(NamedTuple):
    """All figures; rows by their columns' names."""

    figures: dict[str, int]
    funnel: Row[Any]
    spend: Rows
    """Per currency: ceiling, reserved, committed, delivered, liability. Minor units."""
    top_referrers: Rows
    by_day: Rows


async def of_campaign(session: ReadSession, campaign_id: str, period: Period) -> Summary:
    """The summary of a campaign that exists."""
    given = {"campaign": campaign_id, "first": period.first, "last": period.last}

    async def rows(statement: str) -> Rows:
        return list(await session.execute(text(statement), given))

    (totals,) = await rows(_TOTALS)
    top = await rows(_TOP if period == Period(None, None) else _TOP_WITHIN)
    return Summary(dict(totals._mapping), totals, await rows(_MONEY), top, await rows(_DAYS))


_WITHIN = (
    "(CAST(:first AS date) IS NULL OR day >= :first)"
    " AND (CAST(:last AS date) IS NULL OR day <= :last)"
)
_COUNTED = """(
    SELECT day, name, unit, amount FROM daily_counts WHERE campaign_id = :campaign
    UNION ALL
    SELECT day, name, unit, amount FROM count_changes WHERE campaign_id = :campaign
) AS counted"""


# A referral that counted has a number, even if it was undone later.
_STEPS = """
coalesce(sum(amount) FILTER (WHERE name = 'visit'), 0)::bigint AS visits,
coalesce(sum(amount) FILTER (WHERE name = 'referral'), 0)::bigint AS referred,
coalesce(sum(amount) FILTER (WHERE unit LIKE '%/converted%'), 0)::bigint AS converted,
coalesce(sum(amount) FILTER (WHERE unit LIKE '%/qualified%'), 0)::bigint AS qualified,
coalesce(sum(amount) FILTER (WHERE unit LIKE '%|completed%'), 0)::bigint AS completed,
coalesce(sum(amount) FILTER (WHERE unit LIKE '%|waiting%'), 0)::bigint AS waiting,
coalesce(sum(amount) FILTER (WHERE unit LIKE '%|rejected%'), 0)::bigint AS rejected,
coalesce(sum(amount) FILTER (WHERE unit LIKE '%|expired%'), 0)::bigint AS expired,
coalesce(sum(amount) FILTER (WHERE unit LIKE '%|reversed%'), 0)::bigint AS reversed,
coalesce(sum(amount) FILTER (WHERE unit LIKE '%|needs_attention%'), 0)::bigint AS needs_attention"""

_TOTALS = f"""
SELECT {_STEPS},
    coalesce(sum(amount) FILTER (WHERE name IN ('use', 'refused_use')), 0)::bigint AS redemptions,
    coalesce(sum(amount) FILTER (WHERE name = 'use'), 0)::bigint AS redemptions_succeeded,
    coalesce(sum(amount) FILTER (WHERE name = 'refused_use'), 0)::bigint AS redemptions_failed,
    coalesce(sum(amount) FILTER (WHERE name = 'rollback'), 0)::bigint AS rollbacks,
    coalesce(sum(amount) FILTER (WHERE name = 'rollback'), 0)::bigint AS rollbacks_succeeded,
    coalesce(sum(amount) FILTER (WHERE name = 'use_amount'), 0)::bigint AS orders_amount,
    coalesce(sum(amount) FILTER (WHERE name = 'rollback_amount'), 0)::bigint
        AS orders_rolledback_amount,
    coalesce(sum(amount) FILTER (WHERE name = 'use_discount'), 0)::bigint AS discounted_amount,
    coalesce(sum(amount) FILTER (WHERE name = 'rollback_discount'), 0)::bigint
        AS rolledback_discounted_amount,
    coalesce(sum(amount) FILTER (WHERE name = 'code'), 0)::bigint AS vouchers_created,
    coalesce(sum(amount) FILTER (WHERE name IN ('publication', 'refused_publication')), 0)::bigint
        AS publications,
    coalesce(sum(amount) FILTER (WHERE name = 'publication'), 0)::bigint AS publications_succeeded,
    coalesce(sum(amount) FILTER (WHERE name = 'refused_publication'), 0)::bigint
        AS publications_failed,
    coalesce(sum(amount) FILTER (WHERE unit = 'loyalty_points'), 0)::bigint AS points_rewarded
FROM {_COUNTED}
WHERE name NOT LIKE 'grant%' AND {_WITHIN} OR name = 'grant_delivered'"""

_DAYS = f"""
SELECT day, {_STEPS} FROM {_COUNTED} WHERE name IN ('referral', 'visit') AND {_WITHIN}
GROUP BY day HAVING sum(amount) <> 0 ORDER BY day DESC LIMIT 366"""

_MONEY = f"""
SELECT b.currency, b.ceiling, b.reserved, b.committed,
       coalesce(g.delivered, 0)::bigint AS delivered, coalesce(g.open, 0)::bigint AS liability
FROM budgets b LEFT JOIN (
    SELECT unit AS currency, sum(amount) FILTER (WHERE name = 'grant_delivered') AS delivered,
           sum(amount) FILTER (WHERE name = 'grant_open') AS open
    FROM {_COUNTED} WHERE name LIKE 'grant%' GROUP BY unit
) g USING (currency)
WHERE b.campaign_id = :campaign ORDER BY b.currency"""

_ORDERED = "ORDER BY qualified DESC, referred DESC, referrer_id LIMIT 5"
_NAMED = f"""
SELECT best.*, c.source_id, c.name FROM best JOIN customers c ON c.id = best.referrer_id
{_ORDERED}"""
_FRESH = """
SELECT referrer_id, amount AS referred,
       CASE WHEN unit LIKE '%/qualified%' THEN amount ELSE 0 END AS qualified
FROM count_changes WHERE campaign_id = :campaign AND referrer_id IS NOT NULL"""

# The best sums are read by their index, and referrers with changes not added up yet besides.
_TOP = f"""
WITH fresh AS (
    SELECT referrer_id, sum(referred) AS referred, sum(qualified) AS qualified
    FROM ({_FRESH}) AS changes GROUP BY referrer_id
), best AS (
    SELECT referrer_id, sum(referred)::bigint AS referred, sum(qualified)::bigint AS qualified
    FROM (
        (SELECT referrer_id, referred, qualified FROM referrer_counts
         WHERE campaign_id = :campaign AND referrer_id NOT IN (SELECT referrer_id FROM fresh)
         {_ORDERED})
        UNION ALL
        SELECT referrer_id, referred, qualified FROM referrer_counts
        WHERE campaign_id = :campaign AND referrer_id IN (SELECT referrer_id FROM fresh)
        UNION ALL
        SELECT * FROM fresh
    ) AS parts GROUP BY referrer_id HAVING sum(referred) > 0 {_ORDERED}
) {_NAMED}"""
_TOP_WITHIN = f"""
WITH best AS (
    SELECT referrer_id, sum(referred)::bigint AS referred, sum(qualified)::bigint AS qualified
    FROM (
        SELECT referrer_id, referred, qualified FROM referrer_daily_counts
        WHERE campaign_id = :campaign AND {_WITHIN}
        UNION ALL {_FRESH} AND {_WITHIN}
    ) AS days GROUP BY referrer_id HAVING sum(referred) > 0 {_ORDERED}
) {_NAMED}"""
