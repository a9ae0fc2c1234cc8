"""Staff decide conversions that are held because an early refund may or may not be theirs."""

from __future__ import annotations

from domain.reversal import Cause
from store.database import Transaction
from store.outbox.messages import Outgoing
from store.referrals.pauses import is_unclear, let_go
from store.reversals.request import request_reversal
from store.tables import Referral


async def clear_up(
    tx: Transaction, referral_id: str, stands: bool, actor: str, reason: str | None
) -> list[Outgoing] | None:
    """`stands`: the purchase does, and is judged now; else all of it is undone. None where the
    referral does not wait for that. The caller commits, then wakes the dispatcher. Locks the
    switches, then the referral. Raises NotAllowedInState where somebody was faster."""
    referral = await tx.session.get(Referral, referral_id)
    if referral is None or not is_unclear(referral):
        return None
    if stands:
        return await let_go(tx, referral, actor, reason)
    accepted = await request_reversal(
        tx, referral_id, None, reason or "Denied by staff.", None, cause=Cause.DENIAL, actor=actor
    )
    return accepted.intake
