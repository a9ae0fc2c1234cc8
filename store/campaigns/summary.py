"""A campaign in figures: the funnel, money, top referrers, day by day.

Each figure counts what began (was attributed, used, published) within the period; money is the
current amount.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Row, text

from store.database import ReadSession

Rows = list[Row[Any]]


class Period(NamedTuple):
    """From `start` until before `end`; None: unlimited. UTC."""

    start: datetime | None
    end: datetime | None


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
    given = {"campaign": campaign_id, "start": period.start, "end": period.end}

    async def rows(statement: str) -> Rows:
        return list(await session.execute(text(statement), given))

    figures: dict[str, int] = {}
    for statement in (_USES, _CODES, _PUBLISHED, _POINTS):
        figures |= (await rows(statement))[0]._mapping
    funnel = (await rows(_FUNNEL))[0]
    return Summary(figures, funnel, await rows(_MONEY), await rows(_TOP), await rows(_DAYS))


def _within(column: str) -> str:
    return (
        f"(CAST(:start AS timestamptz) IS NULL OR {column} >= :start)"
        f" AND (CAST(:end AS timestamptz) IS NULL OR {column} < :end)"
    )


# A referral that counted has a number, even if it was undone later.
_STEPS = """
count(*) AS referred,
count(*) FILTER (WHERE converted_at IS NOT NULL) AS converted,
count(*) FILTER (WHERE ordinal IS NOT NULL) AS qualified,
count(*) FILTER (WHERE status = 'completed') AS completed,
count(*) FILTER (WHERE status = 'waiting') AS waiting,
count(*) FILTER (WHERE status = 'rejected') AS rejected,
count(*) FILTER (WHERE status = 'expired') AS expired,
count(*) FILTER (WHERE status = 'reversed') AS reversed,
count(*) FILTER (WHERE status = 'needs_attention') AS needs_attention"""

_FUNNEL = f"""
SELECT {_STEPS} FROM referrals WHERE campaign_id = :campaign AND {_within("created_at")}"""

_USES = f"""
SELECT count(*) AS redemptions,
       count(*) FILTER (WHERE r.failure_code IS NULL) AS redemptions_succeeded,
       count(*) FILTER (WHERE r.failure_code IS NOT NULL) AS redemptions_failed,
       count(b.id) AS rollbacks, count(b.id) AS rollbacks_succeeded,
       coalesce(sum(r.amount) FILTER (WHERE r.failure_code IS NULL), 0)::bigint AS orders_amount,
       coalesce(sum(b.amount), 0)::bigint AS orders_rolledback_amount,
       coalesce(sum(r.discount_amount) FILTER (WHERE r.failure_code IS NULL), 0)::bigint
           AS discounted_amount,
       coalesce(sum(r.discount_amount) FILTER (WHERE b.id IS NOT NULL), 0)::bigint
           AS rolledback_discounted_amount
FROM redemptions r LEFT JOIN rollbacks b ON b.redemption_id = r.id
WHERE r.campaign_id = :campaign AND {_within("r.created_at")}"""

_CODES = f"""
SELECT count(*) AS vouchers_created FROM vouchers
WHERE campaign_id = :campaign AND {_within("created_at")}"""

_PUBLISHED = f"""
SELECT succeeded + failed AS publications, succeeded AS publications_succeeded,
       failed AS publications_failed
FROM (SELECT count(*) AS succeeded FROM publications
      WHERE campaign_id = :campaign AND {_within("created_at")}) p,
     (SELECT count(*) AS failed FROM events WHERE type = 'publication.failed'
      AND campaign_id = :campaign AND {_within("at")}) e"""

_MONEY = """
SELECT b.currency, b.ceiling, b.reserved, b.committed,
       coalesce(g.delivered, 0)::bigint AS delivered, coalesce(g.open, 0)::bigint AS liability
FROM budgets b LEFT JOIN (
    SELECT currency, sum(amount) FILTER (WHERE status = 'delivered') AS delivered,
           sum(amount) FILTER (WHERE status NOT IN ('delivered', 'cancelled', 'failed')) AS open
    FROM grants WHERE campaign_id = :campaign AND currency IS NOT NULL GROUP BY currency
) g USING (currency)
WHERE b.campaign_id = :campaign ORDER BY b.currency"""

_POINTS = """
SELECT coalesce(sum(amount), 0)::bigint AS points_rewarded FROM grants
WHERE campaign_id = :campaign AND kind = 'loyalty_points' AND status = 'delivered'"""

_TOP = f"""
SELECT r.referrer_id, c.source_id, c.name, count(*) AS referred,
       count(r.ordinal) AS qualified
FROM referrals r JOIN customers c ON c.id = r.referrer_id
WHERE r.campaign_id = :campaign AND {_within("r.created_at")}
GROUP BY 1, 2, 3 ORDER BY qualified DESC, referred DESC, r.referrer_id LIMIT 5"""

_DAYS = f"""
SELECT (created_at AT TIME ZONE 'UTC')::date AS day, {_STEPS}
FROM referrals WHERE campaign_id = :campaign AND {_within("created_at")}
GROUP BY 1 ORDER BY 1 DESC LIMIT 366"""
