"""Deletes a campaign without referrals."""

from __future__ import annotations

from sqlalchemy import delete as remove
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from domain import ledger
from domain.refusals import NotAllowedInState
from store.campaigns.revise import lock
from store.database import Transaction
from store.tables import (
    Budget,
    Campaign,
    CampaignVersion,
    Holder,
    Publication,
    RuleAssignment,
    TermsMove,
    Voucher,
)
from store.terms import terms_of

_IN_ORDER = (TermsMove, RuleAssignment, Publication, Holder, Voucher, Budget, CampaignVersion)
"""Rows that refer to others first."""


async def delete(tx: Transaction, ref: str, *, actor: str) -> None:
    """Delete the campaign with its codes and holders.

    Raises NotFound, and NotAllowedInState once there are referrals, or anything else that is never
    deleted."""
    campaign = await lock(tx, ref)
    terms = await terms_of(tx, campaign.id, campaign.version)
    try:
        for table in _IN_ORDER:
            await tx.session.execute(remove(table).where(col(table.campaign_id) == campaign.id))
        await tx.session.execute(remove(Campaign).where(col(Campaign.id) == campaign.id))
    except IntegrityError:
        raise NotAllowedInState(
            "People were referred in this campaign. Disable it instead."
        ) from None
    if terms.limits.budget:
        tx.post(ledger.fund(campaign.id, campaign.version + 1, -terms.limits.budget))
    tx.record(
        "campaign.deleted",
        "Campaign deleted",
        source="staff",
        actor=actor,
        campaign_id=campaign.id,
        data={"versions": campaign.version},
    )
