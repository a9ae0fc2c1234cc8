"""A campaign's status, as outsiders see it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum


class CampaignStatus(StrEnum):
    """`active` is only the switch; this also considers the dates and what is left."""

    DRAFT = "draft"
    """Not begun: its start lies ahead, or it was never enabled."""
    LIVE = "live"
    PAUSED = "paused"
    """Disabled. New conversions are held."""
    ENDED = "ended"
    SPENT = "spent"
    """Its budget or its conversions are used up: nobody new can be rewarded."""


def campaign_status(
    *,
    active: bool,
    opened: bool,
    start: datetime | None,
    end: datetime | None,
    spent: bool,
    now: datetime,
) -> CampaignStatus:
    """`opened`: it was active before."""
    if end and now >= end:
        return CampaignStatus.ENDED
    if not active and opened:
        return CampaignStatus.PAUSED
    if not active or (start and now < start):
        return CampaignStatus.DRAFT
    return CampaignStatus.SPENT if spent else CampaignStatus.LIVE
