"""Which ids an event row about a grant carries."""

from __future__ import annotations

from store.tables import Grant, Referral


def subject(of: Grant | Referral) -> dict[str, str]:
    """The ids that every event of a grant or of a referral carries."""
    if isinstance(of, Referral):
        return {
            "referral_id": of.id,
            "campaign_id": of.campaign_id,
            "customer_id": of.referee_id,
        }
    return {
        "grant_id": of.id,
        "referral_id": of.referral_id,
        "campaign_id": of.campaign_id,
        "customer_id": of.recipient_id,
    }
