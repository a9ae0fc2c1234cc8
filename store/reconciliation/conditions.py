"""SQL parts of the comparison: what our own books must say of an order, and which difference an
incident explains.

`o` is the order, `g` its grant, `b` what the ledger says of it. The rules follow from
domain/reversal.py: a grant is reduced only before its card is ordered. After that the card stays,
and the person owes a refunded share; so grant and order have the same amount until the order has
ended. An existing card is never withdrawn without being cancelled at its provider. Only the newest
generation's order counts for its grant."""

from __future__ import annotations

# Only for the few rows that look wrong, so by the index, row by row.
_NEWEST = """NOT EXISTS (SELECT FROM orders n
                WHERE n.grant_id = o.grant_id AND n.generation > o.generation)"""
# Two cards for one grant are an incident already, and the budget contained only one.
_ALONE = """NOT EXISTS (SELECT FROM orders n WHERE n.grant_id = o.grant_id AND n.state = 'issued'
                AND (n.generation < o.generation OR n.generation > o.generation))"""

# The budget is checked before the grant, so that an incident about a grant hides nothing else.
OUR_BOOKS = f"""
        WHEN o.state = 'issued' THEN CASE
            WHEN (b.committed IS DISTINCT FROM o.face_amount
                  OR (b.spent IS DISTINCT FROM o.face_amount
                      AND (coalesce(b.spent, 0) <> 0 OR g.status = 'delivered')))
                AND {_ALONE} THEN 'amount_mismatch'
            WHEN (g.amount IS DISTINCT FROM o.face_amount OR g.currency IS DISTINCT FROM o.currency)
                AND {_NEWEST} THEN 'amount_mismatch'
            WHEN g.status IN ('cancelled', 'failed') AND {_NEWEST} THEN 'state_mismatch'
            ELSE 'matched' END
        WHEN b.committed <> 0 OR b.spent <> 0 THEN 'amount_mismatch'
        WHEN o.state IN ('unknown', 'pending')
            AND (g.amount IS DISTINCT FROM o.face_amount OR g.currency IS DISTINCT FROM o.currency)
            AND {_NEWEST} THEN 'amount_mismatch'
        WHEN g.status = 'delivered' AND {_NEWEST} THEN 'state_mismatch'"""
"""WHEN clauses: how an order is filed if our own books disagree."""

LINE_EXPLAINED = """EXISTS (SELECT FROM incidents i
            WHERE i.provider = $1 AND i.provider_order_id = coalesce(j.line_id, j.named)
              AND CASE WHEN j.line_id IS NULL THEN i.filed = 'missing_at_provider'
                       ELSE i.state = j.their_state AND i.face IS NOT DISTINCT FROM j.face
                            AND i.charged IS NOT DISTINCT FROM j.charged END)"""
"""As long as the line is unchanged, or still missing, it is no new difference."""

GRANT_EXPLAINED = """EXISTS (SELECT FROM incidents i
            WHERE i.provider = $1 AND i.provider_order_id = coalesce(j.line_id, j.named, j.key)
              AND i.order_id = j.order_id AND i.state = 'grant ' || j.grant_status
              AND i.face IS NOT DISTINCT FROM j.promised)"""
"""The same for an incident about a grant, as long as the grant is unchanged."""
