"""A grant that was on its way, and waits for a person after all."""

from __future__ import annotations

from domain.fraud import Hit, late_verdict
from domain.grants import ACT_WITHIN, GrantStatus
from domain.messages import Next, Step
from store.database import Transaction
from store.events.subjects import subject
from store.grants.state import lock_referral, refresh_referral, set_status
from store.tables import Grant


async def send_to_review(tx: Transaction, grant: Grant, hits: list[Hit]) -> Step:
    """Nothing is ordered before somebody has looked at both sides. The caller holds the grant."""
    await tx.session.flush()
    referral = await lock_referral(tx, grant.referral_id)
    verdicts = [late_verdict(hit, grant.role) for hit in sorted(hits)]
    words = " ".join(verdict.detail for verdict in verdicts)
    grant.review = True
    set_status(tx, grant, GrantStatus.IN_REVIEW, due_at=tx.now + ACT_WITHIN)
    checks = {verdict.check for verdict in verdicts}
    kept = [one for one in referral.verdicts if one["check"] not in checks]
    referral.verdicts = kept + [verdict.model_dump(mode="json") for verdict in verdicts]
    referral.reason = f"Flagged: {words}"
    tx.record(
        "grant.in_review",
        "Waits for a person's decision: the recipient has changed",
        detail=words,
        data={"shared": [hit._asdict() for hit in sorted(hits)]},
        **subject(grant),
    )
    await refresh_referral(tx, referral)
    return Step(next=Next.REVIEW)
