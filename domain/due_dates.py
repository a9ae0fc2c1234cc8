"""Deadlines: by when each state should be over, and what ends it."""

from __future__ import annotations

from datetime import datetime, timedelta

from domain.grants import ACT_WITHIN, Attention, GrantStatus
from domain.referrals import Pause

WITHIN: dict[str, timedelta] = {
    "converted": timedelta(hours=1),
    GrantStatus.HELD: timedelta(hours=1),
    GrantStatus.IN_REVIEW: ACT_WITHIN,
    GrantStatus.ORDERING: timedelta(days=1),
    GrantStatus.ORDERED: timedelta(days=7),
    GrantStatus.NEEDS_ATTENTION: ACT_WITHIN,
}
"""How long a state may last; a hold, after its own end. `converted`: a referral that is not judged
yet."""

_STATES = {
    "converted": "Workers judge it: see whether one runs.",
    GrantStatus.HELD: "Workers order it when its hold ends: see whether one runs.",
    GrantStatus.IN_REVIEW: "Approve or deny the referral.",
    GrantStatus.ORDERING: "The provider does not answer: see its lane, and whether a worker runs.",
    GrantStatus.ORDERED: "Ask the provider after the order; Guerdon goes on looking.",
}
_PARKED = {
    Attention.INSUFFICIENT_FUNDS: "Fund the provider's deposit; the order goes out by itself.",
    Attention.PROVIDER_MISCONFIGURED: "Mend the provider's credentials; it goes out by itself.",
    Attention.ORDER_REJECTED: "Correct the cause, then retry.",
    Attention.KEY_CONFLICT: "Compare the two orders with the provider.",
    Attention.OUTCOME_UNKNOWN: "Ask the provider, then resolve.",
    Attention.RECIPIENT_INCOMPLETE: "Complete the customer's address, then retry.",
    Attention.ORDER_LOST: "Retry: it is ordered anew.",
    Attention.DELIVERY_FAILED: "Resend it, to a corrected address.",
    Attention.DELIVERY_OVERDUE: "Ask the provider after the order.",
    Attention.TAX_FORM_MISSING: "Record the person's tax form, then retry.",
    Attention.CAMPAIGN_PAUSED: "Enable the campaign, or end it.",
    Attention.CODE_DISABLED: "Enable the code, or reject what it holds.",
}


_DATED = frozenset({GrantStatus.HELD, GrantStatus.IN_REVIEW, GrantStatus.NEEDS_ATTENTION})
"""States whose due time is stored with the grant itself."""


def due(state: str, own: datetime | None, since: datetime | None) -> datetime | None:
    """By when the state should be over; a hold ends then.

    `own`: the stored due time; `since`: when the state began. None for a finished state."""
    if own is not None and state in _DATED:
        return own
    return since + WITHIN[state] if since is not None and state in WITHIN else None


def unblocks(state: str, attention: str | None) -> str:
    """What ends the state, in words."""
    if attention == Pause.REFUND_UNCLEAR:
        return "Approve the referral, or deny it: see its timeline."
    if attention is not None:
        return _PARKED.get(Attention(attention), "See its timeline; mend the cause, then retry.")
    return _STATES.get(state, "See its timeline.")
