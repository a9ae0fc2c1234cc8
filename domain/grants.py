"""A grant: one reward owed to one person for one reason."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple

REFEREE_REASON = "referee"
"""The reason of a referee's own reward; the reason of a referrer's is the tier's id."""


class GrantStatus(StrEnum):
    """Where a grant stands."""

    HELD = "held"
    """The return window is running; nothing is ordered."""
    IN_REVIEW = "in_review"
    """A person decides before it is ordered."""
    ORDERING = "ordering"
    """On its way to the provider; the outcome is not known yet."""
    ORDERED = "ordered"
    """The provider has the order; delivery is being followed."""
    DELIVERED = "delivered"
    """The recipient has it."""
    CANCELLED = "cancelled"
    """Withdrawn before or after the order; nothing is owed."""
    FAILED = "failed"
    """A person decided that it will not be issued."""
    NEEDS_ATTENTION = "needs_attention"
    """Parked with a reason and the actions that unblock it."""


AT_REST = frozenset({GrantStatus.DELIVERED, GrantStatus.CANCELLED, GrantStatus.FAILED})
"""Statuses in which nothing more happens automatically."""


class Attention(StrEnum):
    """Why a grant is parked. Staff read the same words."""

    INSUFFICIENT_FUNDS = "insufficient_funds"
    """The provider's deposit is empty. Fund it; the order goes out by itself."""
    PROVIDER_MISCONFIGURED = "provider_misconfigured"
    """The provider refuses our credentials. Mend them; the order goes out by itself."""
    ORDER_REJECTED = "order_rejected"
    """The provider refused the order for good. Correct its cause, then retry."""
    KEY_CONFLICT = "key_conflict"
    """The provider knows our order key with other contents. Compare the two orders."""
    OUTCOME_UNKNOWN = "outcome_unknown"
    """The provider never said whether it took the order. Ask it, then resolve."""
    RECIPIENT_INCOMPLETE = "recipient_incomplete"
    """The customer lacks the address that this delivery needs. Add it, then retry."""
    ORDER_LOST = "order_lost"
    """The provider cancelled or failed an order it had accepted. Retry orders anew."""
    DELIVERY_FAILED = "delivery_failed"
    """The card exists but did not reach the person."""
    DELIVERY_OVERDUE = "delivery_overdue"
    """The provider has had the order longer than promised. Ask it; following goes on."""
    CALLOUT_REFUSED = "callout_refused"
    """The custom reward's address refused the callout for good. Mend it there, then retry."""
    CALLOUT_UNANSWERED = "callout_unanswered"
    """The custom reward's address has not taken the callout for days. Retry when it answers."""
    TAX_FORM_MISSING = "tax_form_missing"
    """The year's rewards reach the tax threshold. Record the person's form, then retry."""
    CAMPAIGN_PAUSED = "campaign_paused"
    """The campaign was disabled and its rewards stopped. Enable it; they go on by themselves."""
    CODE_DISABLED = "code_disabled"
    """The code was disabled and its rewards stopped. Enable it, or cancel the reward."""
    UNEXPECTED = "unexpected"
    """An unexpected error, which the timeline shows. Retry when it is fixed."""


RESUMES_BY_ITSELF = frozenset({Attention.INSUFFICIENT_FUNDS, Attention.PROVIDER_MISCONFIGURED})
"""Causes outside the grant: it is retried automatically until they are gone."""


ACT_WITHIN = timedelta(days=2)
"""By when a person should have handled a parked grant or a review. Shown as its due time; nothing
happens automatically when it has passed."""


class GrantIdentity(NamedTuple):
    """What makes a grant unique, in the database and as the source of its order keys, so that a
    restored backup orders under the same key."""

    campaign_id: str
    reason: str
    recipient_id: str
    ordinal: int
    milestone: bool = False
    """The ordinal counts milestones instead of conversions."""
