"""Compares three books in one statement: orders and grants, ledger, the provider's lines.

First the provider's line is compared with ours; then our own books with each other
(`store.reconciliation.conditions`), read from one snapshot. Matching rows are only counted. A line
belongs to the order whose key it has; a second line with the same key is a duplicate, whichever of
the two is ours. Orders that changed here after the provider's book began to be read are in flight,
because the line may show an older state. The fee of an ended order is not compared: no list shows
whether it was returned."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from domain.ledger import budget
from domain.reconciliation import Filed
from store.database import Database
from store.reconciliation.bulk import bulk
from store.reconciliation.conditions import GRANT_EXPLAINED, LINE_EXPLAINED, OUR_BOOKS
from store.reconciliation.staging import table_of

OPEN_FOR = timedelta(days=3)
"""An order without an outcome is a difference only after this long: outages of a provider are
waited out as long."""
REACH = timedelta(days=30)
"""How far before the window an order may have been sent that was issued in it."""
MARGIN = timedelta(hours=1)
"""Tolerance around the window, because a line's time is the provider's and an order's is ours."""


class Scope(NamedTuple):
    """What is compared: orders of `provider` sent before `until` that were issued, or are still
    open, at `since` or later; with lines read in [read_since, read_until), from `read_from` on,
    when reading began."""

    reconciliation_id: str
    provider: str
    since: datetime
    until: datetime
    read_until: datetime
    read_from: datetime


ORDERS = """
    SELECT o.id, o.grant_id, o.generation, o.key, o.provider_order_id, o.state, o.face_amount,
           o.currency, o.first_sent_at, o.issued_at, o.updated_at
    FROM orders o
    WHERE o.provider = $1 AND o.first_sent_at < $3::timestamptz
      AND o.first_sent_at >= $2::timestamptz - $4::interval
      AND coalesce(o.issued_at, o.first_sent_at) >= $2::timestamptz
"""
"""$1 provider, $2 since, $3 until, $4 reach."""

# A few rows, so that the comparison's plan is not made for many.
_DOUBLED = """
CREATE TEMPORARY TABLE doubled ON COMMIT DROP AS
SELECT key FROM {lines} WHERE key IS NOT NULL GROUP BY key HAVING count(*) > 1
"""
_COMPARE = """
WITH lines AS (
    SELECT l.*, 1 AS nth FROM {lines} l
    WHERE l.key IS NULL OR l.key NOT IN (SELECT key FROM doubled)
    UNION ALL
    SELECT l.*, row_number() OVER (
        PARTITION BY l.key
        ORDER BY o.provider_order_id = l.provider_order_id DESC NULLS LAST,
                 l.created_at, l.provider_order_id)
    FROM {lines} l JOIN doubled USING (key) LEFT JOIN orders o ON o.key = l.key
), scope AS (
    {orders}
), booked AS (
    -- An order is booked when it is issued, which was at $2 or later. Sums of integers are exact in
    -- double precision up to 2^53 minor units, and numeric ones would take twice the time.
    SELECT e.subject AS id,
           sum(e.amount::float8) FILTER (WHERE e.account = $5) AS face,
           -sum(e.amount::float8) FILTER (WHERE e.account = $6) AS charged,
           min(e.currency) FILTER (WHERE e.account = $6) AS charged_currency,
           -- What is committed becomes spent: the two together are what the order binds.
           sum(e.amount::float8) FILTER (WHERE e.account NOT IN ($5, $6)) AS committed,
           sum(e.amount::float8) FILTER (WHERE e.account = ANY($12)) AS spent
    FROM ledger_entries e
    WHERE e.at >= $2 AND e.account = ANY($11)
    GROUP BY e.subject
), judged AS (
    SELECT o.id AS order_id, o.grant_id, coalesce(o.key, l.key) AS key, l.nth,
           l.provider_order_id AS line_id, o.provider_order_id AS named, o.updated_at,
           o.state AS our_state, o.face_amount, o.currency AS our_currency,
           g.status AS grant_status, g.amount AS promised, g.currency AS promised_currency,
           b.face AS booked_face, b.charged AS booked, b.charged_currency AS booked_currency,
           b.committed, b.spent,
           l.state AS their_state, l.face, l.currency, l.charged, l.charged_currency,
    CASE
        WHEN o.id IS NULL THEN CASE
            WHEN l.created_at < $2 OR l.created_at >= $3 THEN 'matched'
            ELSE coalesce((
                SELECT CASE WHEN e.provider_order_id <> l.provider_order_id
                            THEN 'duplicate_key' ELSE 'matched' END
                FROM orders e WHERE e.key = l.key LIMIT 1), 'unknown_to_us') END
        WHEN l.nth > 1 THEN 'duplicate_key'
        WHEN l.provider_order_id IS NULL THEN CASE
            WHEN o.state IN ('failed', 'cancelled')
                THEN CASE WHEN coalesce(b.face, 0) = 0 THEN 'matched' ELSE 'fee_mismatch' END
            WHEN o.state = 'prepared' AND o.first_sent_at < $8
                AND g.status IN ('cancelled', 'failed') THEN 'matched' -- it was never sent
            WHEN o.state = 'prepared' OR o.issued_at >= $7
                OR (o.state <> 'issued' AND o.first_sent_at >= $8) THEN 'in_flight'
            ELSE 'missing_at_provider' END
        WHEN l.face <> o.face_amount OR (l.face IS NOT NULL AND l.currency <> o.currency)
            THEN 'amount_mismatch'
        WHEN o.state = 'issued' THEN CASE
            WHEN l.state = 'pending' AND o.issued_at >= $7 THEN 'in_flight'
            WHEN l.state <> 'issued' THEN 'state_mismatch'
            WHEN b.face IS DISTINCT FROM o.face_amount THEN 'amount_mismatch'
            WHEN l.charged <> coalesce(b.charged, 0) OR
                (l.charged IS NOT NULL AND l.charged_currency <> b.charged_currency)
                THEN 'fee_mismatch'
            ELSE 'matched' END
        WHEN o.state IN ('failed', 'cancelled') THEN CASE
            WHEN l.state = 'issued' THEN 'state_mismatch'
            WHEN coalesce(b.face, 0) <> 0 THEN 'fee_mismatch'
            ELSE 'matched' END
        WHEN l.state = 'pending' OR o.first_sent_at >= $8 THEN 'in_flight'
        ELSE 'state_mismatch'
    END AS theirs_says,
    CASE
        WHEN o.id IS NULL OR l.nth > 1 THEN 'matched'
        {books}
        ELSE 'matched'
    END AS ours_says
    FROM lines l
    FULL JOIN scope o ON o.key = l.key
    LEFT JOIN grants g ON g.id = o.grant_id
    LEFT JOIN booked b ON b.id = o.id
    -- Delivered, and alike in every book, as nearly all are: nothing more has to be asked.
    WHERE (l.nth = 1 AND o.state = 'issued' AND l.state = 'issued' AND g.status = 'delivered'
        AND l.face = o.face_amount AND b.face = o.face_amount AND g.amount = o.face_amount
        AND b.committed = o.face_amount AND b.spent = o.face_amount AND l.charged = b.charged
        AND l.currency = o.currency AND g.currency = o.currency
        AND l.charged_currency = b.charged_currency) IS NOT TRUE
), filed AS (
    SELECT j.*, CASE
        WHEN theirs_says NOT IN ('matched', 'in_flight') AND NOT {line_explained} THEN theirs_says
        WHEN ours_says <> 'matched' AND NOT {grant_explained} THEN ours_says
        WHEN theirs_says = 'in_flight' AND NOT {line_explained} THEN 'in_flight'
        ELSE 'matched'
    END AS verdict
    FROM judged j
    WHERE theirs_says <> 'matched' OR ours_says <> 'matched'
)
INSERT INTO reconciliation_items
    (id, reconciliation_id, filed, key, provider_order_id, order_id, grant_id,
     ours, ledger, theirs, status)
SELECT 'ri_' || md5(concat_ws('|', $9::text, key, line_id, nth)), $9::text,
       CASE WHEN updated_at >= $10 AND verdict <> 'duplicate_key' THEN 'in_flight'
            ELSE verdict END,
       key, coalesce(line_id, named), order_id, grant_id,
       jsonb_strip_nulls(jsonb_build_object('state', our_state, 'face', face_amount,
           'currency', our_currency, 'grant', grant_status, 'promised', promised,
           'promised_currency', promised_currency)),
       jsonb_strip_nulls(jsonb_build_object('face', booked_face::bigint,
           'charged', booked::bigint, 'charged_currency', booked_currency,
           'committed', committed::bigint, 'spent', spent::bigint)),
       jsonb_strip_nulls(jsonb_build_object('state', their_state, 'face', face,
                                            'currency', currency, 'charged', charged,
                                            'charged_currency', charged_currency)),
       'open'
FROM filed WHERE verdict <> 'matched'
"""

# A statement or a row without a key of ours is matched by the provider's own id.
_NAME_KEYS = """
UPDATE {lines} l SET key = o.key FROM orders o
WHERE l.key IS NULL AND o.provider = $1 AND o.provider_order_id = l.provider_order_id
"""
_TOTALS = "SELECT filed, count(*) FROM reconciliation_items WHERE reconciliation_id = $1 GROUP BY 1"
_UNMATCHED = """
SELECT count(*) FROM reconciliation_items
WHERE reconciliation_id = $1 AND order_id IS NOT NULL AND filed <> 'duplicate_key'
"""


async def compare(database: Database, scope: Scope) -> dict[str, int]:
    """File every order; return how many of each kind. A repeat files the same."""
    async with bulk(database) as connection:
        return await compare_in(connection, scope)


async def compare_in(connection: Any, scope: Scope) -> dict[str, int]:
    """The same, on an asyncpg connection: one transaction, and one snapshot of our books."""
    table = table_of(scope.reconciliation_id)
    async with connection.transaction(isolation="repeatable_read"):
        await connection.execute(
            "DELETE FROM reconciliation_items WHERE reconciliation_id = $1", scope.reconciliation_id
        )
        await connection.execute(_NAME_KEYS.format(lines=table), scope.provider)
        # A plan only depends on the number of lines, and on keys being different.
        await connection.execute("SET LOCAL default_statistics_target = 10")
        await connection.execute(f"ANALYZE {table}")
        await connection.execute(_DOUBLED.format(lines=table))
        await connection.execute("ANALYZE doubled")
        await _file(connection, scope, table)
        return await _totals(connection, scope)


async def _file(connection: Any, scope: Scope, table: str) -> None:
    outside = [f"provider/{scope.provider}/{part}" for part in ("cards", "deposit")]
    campaigns = [row["id"] for row in await connection.fetch("SELECT id FROM campaigns")]
    committed, spent = ([budget(id, of) for id in campaigns] for of in ("committed", "spent"))
    await connection.execute(
        _COMPARE.format(
            lines=table,
            orders=ORDERS,
            books=OUR_BOOKS,
            line_explained=LINE_EXPLAINED,
            grant_explained=GRANT_EXPLAINED,
        ),
        scope.provider,
        scope.since,
        scope.until,
        REACH,
        *outside,
        scope.read_until,
        scope.read_until - OPEN_FOR,
        scope.reconciliation_id,
        scope.read_from,
        [*outside, *committed, *spent],
        spent,
    )


async def _totals(connection: Any, scope: Scope) -> dict[str, int]:
    found = dict(await connection.fetch(_TOTALS, scope.reconciliation_id))
    ours = await connection.fetchval(
        f"SELECT count(*) FROM ({ORDERS}) o", scope.provider, scope.since, scope.until, REACH
    )
    unmatched = await connection.fetchval(_UNMATCHED, scope.reconciliation_id)
    return {word: found.get(word, 0) for word in Filed} | {Filed.MATCHED: ours - unmatched}
