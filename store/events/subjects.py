"""Which ids an event row about a grant carries."""

from __future__ import annotations

from store.tables import Grant


def subject(grant: Grant) -> dict[str, str]:
    """The ids that every event of a grant carries."""
    return {
        "grant_id": grant.id,
        "referral_id": grant.referral_id,
        "campaign_id": grant.campaign_id,
        "customer_id": grant.recipient_id,
    }
