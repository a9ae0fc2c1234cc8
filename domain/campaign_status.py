"""Where a campaign stands, as anybody outside sees it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum


class CampaignStatus(StrEnum):
    """`active` is the switch alone; this also tells time, and what is left."""

    DRAFT = "draft"
    """Not begun: its start lies ahead, or it was never enabled."""
    LIVE = "live"
    PAUSED = "paused"
    """Disabled. Conversions of those who wait are held."""
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
    """`opened`: it was active once."""
    if end and now >= end:
        return CampaignStatus.ENDED
    if not active and opened:
        return CampaignStatus.PAUSED
    if not active or (start and now < start):
        return CampaignStatus.DRAFT
    return CampaignStatus.SPENT if spent else CampaignStatus.LIVE
