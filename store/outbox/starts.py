"""What a referral's workflow begins with, by the facts."""

from __future__ import annotations

from domain.ids import digest
from domain.messages import Conversion, ReferralStart
from store.tables import Referral


def start_of(referral: Referral, reversal_id: str | None = None) -> ReferralStart:
    """What a successor of the referral's workflow begins with: all that the first was told."""
    conversion = None
    if referral.conversion is not None:
        accepted = Conversion.model_validate(referral.conversion)
        conversion = accepted.model_copy(update={"event_id": digest(accepted.event_id)})
    return ReferralStart(
        referral_id=referral.id,
        campaign_id=referral.campaign_id,
        referrer_id=referral.referrer_id,
        referee_id=referral.referee_id,
        expires_at=referral.expires_at,
        conversion=conversion,
        reversal_id=reversal_id,
    )
