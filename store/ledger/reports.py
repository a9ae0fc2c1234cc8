"""Finance's reports: one statement each, streamed. Amounts are minor units of the row's currency.

Columns are named as in api/reports/schemas.py, which describes them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

from sqlalchemy import text

from domain.due_dates import WITHIN, unblocks
from domain.referrals import HELD_FOR, Pause
from store.database import ReadSession
from store.ledger.sums import entries_now, entries_then, instant
from store.ledger.taxes import VALID_CREDITS

Row = dict[str, Any]

# Ranges, so that the accounts' index is used: "0" follows "/".
_PARTS = "account >= 'campaign/' AND account < 'campaign0'"
# Sums the few accounts on the other side of all wallets instead of every wallet: the same amount
# with the opposite sign.
_OWED = """(account >= 'liability/' AND account < 'liability0'
            OR account >= 'wallets/' AND account < 'wallets0')"""

ORDERS = """
SELECT to_char(date_trunc(:by, o.created_at), 'YYYY-MM-DD') AS period, g.campaign_id, o.provider,
       o.currency, count(*) AS orders, count(*) FILTER (WHERE o.state = 'issued') AS issued,
       coalesce(sum(o.face_amount) FILTER (WHERE o.state = 'issued'), 0)::bigint AS face_amount,
       coalesce(sum(o.charged_amount) FILTER (WHERE o.state = 'issued'), 0)::bigint
           AS charged_amount,
       o.charged_currency
FROM orders o JOIN grants g ON g.id = o.grant_id
WHERE o.created_at >= :since AND o.created_at < :until
GROUP BY 1, g.campaign_id, o.provider, o.currency, o.charged_currency
ORDER BY 1, g.campaign_id, o.provider, o.currency, o.charged_currency
"""
BUDGETS = f"""
WITH held AS (
    SELECT account, currency, sum(amount) AS amount FROM ({entries_now(_PARTS)}) AS parts
    GROUP BY account, currency
)
SELECT b.campaign_id, c.name AS campaign, b.currency, b.ceiling AS budget,
       coalesce(sum(e.amount) FILTER (WHERE e.account LIKE '%/reserved'), 0)::bigint AS reserved,
       coalesce(sum(e.amount) FILTER (WHERE e.account LIKE '%/committed'), 0)::bigint AS committed,
       coalesce(sum(e.amount) FILTER (WHERE e.account LIKE '%/spent'), 0)::bigint AS spent,
       CASE WHEN b.ceiling IS NOT NULL THEN b.ceiling - b.reserved - b.committed END AS available
FROM budgets b JOIN campaigns c ON c.id = b.campaign_id
LEFT JOIN held e ON e.currency = b.currency AND e.account IN (
    'campaign/' || b.campaign_id || '/reserved', 'campaign/' || b.campaign_id || '/committed',
    'campaign/' || b.campaign_id || '/spent')
GROUP BY b.campaign_id, c.name, b.currency
ORDER BY b.campaign_id, b.currency
"""
ACQUISITION = """
WITH acquired AS (
    SELECT id, campaign_id FROM referrals
    WHERE ordinal IS NOT NULL AND converted_at >= :since AND converted_at < :until
      AND status NOT IN ('reversed', 'rejected')
), cost AS (
    SELECT a.campaign_id, coalesce(o.charged_currency, g.currency) AS currency,
           sum(coalesce(o.charged_amount, o.face_amount, g.amount)) AS amount
    FROM acquired a JOIN grants g ON g.referral_id = a.id
    LEFT JOIN orders o ON o.grant_id = g.id AND o.state = 'issued'
    WHERE g.currency IS NOT NULL
      AND (o.id IS NOT NULL OR g.kind = 'gift_credits' AND g.status = 'delivered')
    GROUP BY 1, 2
), counted AS (SELECT campaign_id, count(*) AS customers FROM acquired GROUP BY 1)
SELECT n.campaign_id, n.customers, c.currency, coalesce(c.amount, 0)::bigint AS cost,
       round(coalesce(c.amount, 0) / n.customers)::bigint AS cost_per_customer
FROM counted n LEFT JOIN cost c USING (campaign_id)
ORDER BY n.campaign_id, c.currency
"""
DELIVERY_TIMES = """
WITH delivered AS (
    SELECT g.id, g.campaign_id, g.kind,
           extract(epoch FROM min(e.at) - r.converted_at) AS seconds
    FROM events e JOIN grants g ON g.id = e.grant_id JOIN referrals r ON r.id = g.referral_id
    WHERE e.type = 'grant.delivered' AND e.at >= :since AND e.at < :until
    GROUP BY g.id, g.campaign_id, g.kind, r.converted_at
)
SELECT campaign_id, kind, count(*) AS rewards,
       round(percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds)::numeric, 1)::float8 AS p50,
       round(percentile_cont(0.9) WITHIN GROUP (ORDER BY seconds)::numeric, 1)::float8 AS p90,
       round(percentile_cont(0.99) WITHIN GROUP (ORDER BY seconds)::numeric, 1)::float8 AS p99,
       count(*) FILTER (WHERE seconds > :promised) AS missed
FROM delivered GROUP BY campaign_id, kind ORDER BY campaign_id, kind
"""
TAXES = f"""
WITH had AS (
    SELECT g.recipient_id AS customer_id, o.currency, o.face_amount AS amount
    FROM orders o JOIN grants g ON g.id = o.grant_id
    WHERE o.state = 'issued' AND o.issued_at >= :since AND o.issued_at < :until
    UNION ALL
    SELECT g.recipient_id, g.currency, g.amount FROM {VALID_CREDITS}
    WHERE g.kind = 'gift_credits' AND w.created_at >= :since AND w.created_at < :until
)
SELECT h.customer_id, h.currency, sum(h.amount)::bigint AS amount, t.amount AS threshold,
       coalesce(sum(h.amount) >= t.amount, false) AS crossed, f.form
FROM had h LEFT JOIN tax_thresholds t ON t.currency = h.currency
LEFT JOIN tax_forms f ON f.customer_id = h.customer_id
GROUP BY h.customer_id, h.currency, t.amount, f.form
ORDER BY h.customer_id, h.currency
"""
UNMATCHED_REFUNDS = """
SELECT e.id, CASE WHEN e.order_key LIKE 'source_id:%' THEN substr(e.order_key, 11) END
           AS order_source_id,
       CASE WHEN e.order_key LIKE 'id:%' THEN substr(e.order_key, 4) END AS order_id,
       e.campaign_id, e.identity AS refund_id, e.refunded AS amount, e.currency,
       e.created_at AS received_at, unclear.id AS referral_id,
       CASE WHEN unclear.id IS NOT NULL THEN e.problem
            ELSE 'No purchase of this order has come. Is its id mistyped?' END AS why
FROM early_refunds e
LEFT JOIN referrals unclear ON unclear.reason = cast(:unclear AS text)
    AND unclear.status = 'needs_attention' AND e.claims @> to_jsonb(unclear.id)
WHERE unclear.id IS NOT NULL
   OR e.claimed_in IS NULL AND e.created_at < :before AND NOT EXISTS (
      SELECT FROM referrals r WHERE r.order_ids && cast(ARRAY[e.order_key] AS text[]))
ORDER BY e.created_at, e.id, unclear.id
"""
_OPEN = "status NOT IN ('delivered', 'cancelled', 'failed')"
_OWN_DUE = ("held", "needs_attention", "in_review")
_SINCE = "coalesce(updated_at, created_at)"


def _late_grants(state: str) -> str:
    """Grants in one state that began, or were due, too long ago. Each state is searched by its own
    index, which needs the state as a constant."""
    columns = "SELECT 'grant' AS kind, id, referral_id, campaign_id, status AS state, attention,"
    of_state = f"FROM grants WHERE status = '{state}' AND {_OPEN}"
    before, within = f":before_{state}", f"CAST(:within_{state} AS interval)"
    by_birth = f"{columns} {_SINCE} AS since, {_SINCE} + {within} AS due {of_state}"
    by_birth += f" AND {_SINCE} < {before}"
    if state not in _OWN_DUE:
        return by_birth
    # A hold may last a while beyond its end.
    due, limit = (f"due_at + {within}", before) if state == "held" else ("due_at", ":now")
    by_own = f"{columns} {_SINCE} AS since, {due} AS due {of_state} AND due_at < {limit}"
    by_own += " AND due_at IS NOT NULL"
    return by_own if state == "held" else f"{by_birth} AND due_at IS NULL UNION ALL {by_own}"


_PROMISES = f"""
WITH unjudged AS (
    SELECT *, CAST(:within_converted AS interval) AS within FROM referrals
    WHERE status = 'converted'
    UNION ALL
    SELECT *, CAST(:within_needs_attention AS interval) FROM referrals
    WHERE status = 'needs_attention' AND ordinal IS NULL
), late AS (
    {" UNION ALL ".join(_late_grants(state) for state in WITHIN if state != "converted")}
    UNION ALL
    SELECT 'referral', r.id, r.id, r.campaign_id, r.status, pause, r.converted_at,
           r.converted_at + CASE WHEN pause IS NOT NULL THEN cast(:held_for AS interval)
                            ELSE r.within END
    FROM unjudged r
    LEFT JOIN unnest(cast(:pauses AS text[])) AS pause ON pause = r.reason
)
SELECT kind, id, referral_id, campaign_id, state, attention, since, due AS due_at,
       extract(epoch FROM cast(:now AS timestamptz) - due)::bigint AS late_by
FROM late WHERE due < :now
ORDER BY due_at, id
"""


async def stream(session: ReadSession, sql: str, **values: Any) -> AsyncIterator[Row]:
    """The rows of a report, a few at a time."""
    found = await session.stream(text(sql).execution_options(yield_per=500), values)
    async for row in found.mappings():
        yield dict(row)


async def liability(session: ReadSession, at: datetime | None) -> AsyncIterator[Row]:
    """What was owed at a past instant, by default now."""
    parts = entries_then(_OWED) if at else entries_now(_OWED)
    async for row in stream(session, _liability(parts), **(instant(at) if at else {})):
        yield row


def _liability(parts: str) -> str:
    return f"""
    SELECT CASE WHEN account LIKE 'wallets/%' THEN 'wallets' ELSE 'granted' END AS kind,
           CASE WHEN account LIKE 'liability/%' THEN split_part(account, '/', 2) END AS campaign_id,
           currency, sum(CASE WHEN account LIKE 'wallets/%' THEN -amount ELSE amount END)::bigint
               AS amount
    FROM ({parts}) AS parts
    GROUP BY 1, 2, currency HAVING sum(amount) <> 0
    ORDER BY 1, 2, currency
    """


async def late(session: ReadSession, now: datetime) -> AsyncIterator[Row]:
    """What has missed its deadline, the longest overdue first."""
    clock: dict[str, Any] = {"pauses": list(Pause), "held_for": HELD_FOR}
    for state, within in WITHIN.items():
        clock[f"within_{state}"] = within
        if state != "converted":
            clock[f"before_{state}"] = now - within
    async for row in stream(session, _PROMISES, now=now, **clock):
        yield row | {"unblocked_by": unblocks(row["state"], row["attention"])}
