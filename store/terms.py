"""A campaign version's terms, cached per process: a version never changes."""

from __future__ import annotations

from collections import OrderedDict

from sqlalchemy import bindparam, select
from sqlmodel import col

from domain.campaigns import CampaignTerms, Criterion, Tier
from store.database import Transaction
from store.tables import CampaignVersion

_TERMS = select(col(CampaignVersion.terms)).where(
    col(CampaignVersion.campaign_id) == bindparam("campaign"),
    col(CampaignVersion.version) == bindparam("number"),
)
_MOST = 2000
_read: OrderedDict[tuple[str, int], CampaignTerms] = OrderedDict()


async def terms_of(tx: Transaction, campaign_id: str, version: int) -> CampaignTerms:
    """The terms of one version.

    Cached only once committed rows use it: the caller reads the version of a referral or campaign,
    never one that it is just writing."""
    key = (campaign_id, version)
    if key not in _read:
        found = await tx.session.execute(_TERMS, {"campaign": campaign_id, "number": version})
        _read[key] = CampaignTerms.model_validate(found.scalar_one())
        if len(_read) > _MOST:
            _read.popitem(last=False)
    return _read[key]


async def milestone_tier(
    tx: Transaction, campaign_id: str, version: int, tier_id: str
) -> Tier | None:
    """The tier, if it is a milestone tier in that version; None for rewards per friend."""
    for tier in (await terms_of(tx, campaign_id, version)).tiers:
        if tier.id == tier_id and tier.criterion is Criterion.MIN_UNIQUE_REFEREES:
            return tier
    return None
