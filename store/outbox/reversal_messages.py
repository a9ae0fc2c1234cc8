"""Writing down that a referral's workflow has to look at the facts again."""

from __future__ import annotations

from sqlalchemy import insert

from domain.messages import ReferralStart
from store.database import Transaction
from store.outbox.messages import Outgoing
from store.tables import Intake, Referral


async def enqueue(tx: Transaction, referral: Referral, cause: str) -> Outgoing:
    """A message in the transaction of its cause: a crash between the commit and the signal loses
    nothing. `cause`: a reversal's id, or another name of what has undone something of it; the
    facts say what that leaves to be done, and a workflow that has closed gets an aftercare."""
    start = ReferralStart(
        referral_id=referral.id,
        campaign_id=referral.campaign_id,
        referrer_id=referral.referrer_id,
        referee_id=referral.referee_id,
        expires_at=referral.expires_at,
    )
    await tx.session.execute(
        insert(Intake).values(
            id=cause,
            referral_id=referral.id,
            start=start.model_dump(mode="json"),
            reversal_id=cause,
            received_at=tx.now,
        )
    )
    return Outgoing(cause, referral.workflow_id, start, None, cause)
