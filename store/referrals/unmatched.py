"""Why an event converts nothing, in words for its sender and for support."""

from __future__ import annotations

from sqlalchemy import and_, select
from sqlmodel import col

from domain.campaigns import CampaignTerms, ConversionKind
from domain.referrals import ReferralStatus
from store.database import Transaction
from store.referrals.conversion import ConversionRequest
from store.tables import CampaignVersion, Referral
from store.tables.columns import documents


def another_event(terms: CampaignTerms, request: ConversionRequest) -> str:
    """The code's campaign does not wait for this event."""
    if terms.conversion is ConversionKind.REDEMPTION:
        return "This code's campaign waits for the code to be redeemed, not for an event."
    return f"This code's campaign waits for `{terms.event_name}`, not for `{request.event}`."


def expired(referral: Referral) -> str:
    """The event came after the referral's window had ended."""
    return (
        f"The referral expired on {referral.expires_at:%Y-%m-%d %H:%M} UTC. Of a purchase before "
        "that, send `occurred_at`."
    )


async def why_nothing(tx: Transaction, request: ConversionRequest) -> str:
    """For an event without a code, when no referral of the customer waits for it."""
    event_name = documents(CampaignVersion, "terms")["event_name"].astext
    found = await tx.session.execute(
        select(Referral, event_name)
        .join(
            CampaignVersion,
            and_(
                col(CampaignVersion.campaign_id) == Referral.campaign_id,
                col(CampaignVersion.version) == Referral.campaign_version,
            ),
        )
        .where(col(Referral.referee_id) == request.customer_id)
        .order_by(col(Referral.id))
    )
    referrals = found.all()
    if not referrals:
        return "Nobody has referred this customer."
    waiting = {event for referral, event in referrals if referral.status == ReferralStatus.WAITING}
    if events := " or ".join(f"`{event}`" for event in sorted(filter(None, waiting))):
        return f"This customer's referral waits for {events}, not for `{request.event}`."
    late = [
        referral
        for referral, event in referrals
        if referral.status == ReferralStatus.EXPIRED and event == request.event
    ]
    return expired(late[-1]) if late else "No referral of this customer waits for an event."


def record_unmatched(
    tx: Transaction, request: ConversionRequest, why: str, referral: Referral | None
) -> None:
    """Add it to the customer's activity."""
    tx.record(
        "event.unmatched",
        "An event converted nothing",
        detail=f"{request.event} received. {why}",
        customer_id=request.customer_id,
        referral_id=referral.id if referral else None,
        campaign_id=referral.campaign_id if referral else None,
    )
