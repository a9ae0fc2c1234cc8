"""Parts of the comparison, in SQL: what our own books must say of an order, and which difference an
incident explains.

`o` is the order, `g` its grant, `b` what the ledger holds of it. The rules follow from how a grant
moves (domain/reversal.py): it is made smaller only before its card is ordered. From then on the
card stands, and a refunded share is owed by the person; so the promise and the order that came of
it say the same amount until that order has ended. A card that exists is never withdrawn: it is
cancelled at its provider first. Only the newest generation's order speaks for its grant.
"""

from __future__ import annotations

# Asked for the few rows that look wrong, so by the index, row by row.
_NEWEST = """NOT EXISTS (SELECT FROM orders n
                WHERE n.grant_id = o.grant_id AND n.generation > o.generation)"""
# Two cards for one grant are an incident already, and the budget had promised one.
_ALONE = """NOT EXISTS (SELECT FROM orders n WHERE n.grant_id = o.grant_id AND n.state = 'issued'
                AND (n.generation < o.generation OR n.generation > o.generation))"""

# The budget is judged before the grant, so that an incident about a grant hides no other gap.
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
"""WHEN clauses: how an order is filed whose books at our side do not agree."""

LINE_EXPLAINED = """EXISTS (SELECT FROM incidents i
            WHERE i.provider = $1 AND i.provider_order_id = coalesce(j.line_id, j.named)
              AND CASE WHEN j.line_id IS NULL THEN i.filed = 'missing_at_provider'
                       ELSE i.state = j.their_state AND i.face IS NOT DISTINCT FROM j.face
                            AND i.charged IS NOT DISTINCT FROM j.charged END)"""
"""As long as the line says the same, or there is still none, it is no difference any more."""

GRANT_EXPLAINED = """EXISTS (SELECT FROM incidents i
            WHERE i.provider = $1 AND i.provider_order_id = coalesce(j.line_id, j.named, j.key)
              AND i.order_id = j.order_id AND i.state = 'grant ' || j.grant_status
              AND i.face IS NOT DISTINCT FROM j.promised)"""
"""Likewise an incident about a grant, as long as the grant says the same."""
