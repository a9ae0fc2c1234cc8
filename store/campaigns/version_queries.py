"""The versions of a campaign's terms, the referrals under each, and moves between them."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, select
from sqlmodel import col

from domain.campaigns import CampaignTerms
from domain.differences import Difference, differences
from domain.referrals import ReferralStatus
from store.campaigns.queries import find
from store.database import ReadSession
from store.lists.pages import Page, Window, read_page
from store.tables import CampaignVersion, Referral, TermsMove


class VersionRead(NamedTuple):
    """One version, and the number of its referrals."""

    campaign_id: str
    version: int
    current: bool
    referrals: int
    waiting: int
    terms: CampaignTerms
    differences: list[Difference]
    created_at: datetime


async def page(
    session: ReadSession, ref: str, window: Window
) -> tuple[list[VersionRead], int, bool]:
    """Versions, newest first, their number, and whether more follow. Raises NotFound."""
    campaign = (await find(session, ref)).campaign
    newest = _newest(campaign.version, window)
    oldest = max(newest - window.limit + 1, 1)
    statement = select(CampaignVersion).where(
        col(CampaignVersion.campaign_id) == campaign.id,
        # One version more is read, to compute the differences of the oldest.
        col(CampaignVersion.version).between(oldest - 1, newest),
    )
    rows = {row.version: row for row in await session.scalars(statement)}
    terms = {number: CampaignTerms.model_validate(row.terms) for number, row in rows.items()}
    counts = await _counts(session, campaign.id)
    found = []
    for number in range(newest, oldest - 1, -1):
        before = terms.get(number - 1)
        changed = differences(before, terms[number]) if before else []
        total, waiting = counts.get(number, (0, 0))
        found.append(
            VersionRead(
                campaign.id,
                number,
                number == campaign.version,
                total,
                waiting,
                terms[number],
                changed,
                rows[number].created_at,
            )
        )
    return found, campaign.version, oldest > 1


async def moves(session: ReadSession, ref: str, window: Window) -> tuple[list[TermsMove], Page]:
    """Moves that were started, newest first. Raises NotFound."""
    campaign = (await find(session, ref)).campaign
    statement = select(TermsMove).where(
        col(TermsMove.campaign_id) == campaign.id, col(TermsMove.started_at).is_not(None)
    )
    found = await read_page(session, statement, col(TermsMove.id), window)
    return [row[0] for row in found.rows], found


def _newest(current: int, window: Window) -> int:
    after = window.after or ""
    if after.isdigit():
        return min(int(after) - 1, current)
    return current - (window.page - 1) * window.limit


async def _counts(session: ReadSession, campaign_id: str) -> dict[int, tuple[int, int]]:
    waits = func.count().filter(col(Referral.status) == ReferralStatus.WAITING)
    found = await session.execute(
        select(col(Referral.campaign_version), func.count(), waits)
        .where(col(Referral.campaign_id) == campaign_id)
        .group_by(col(Referral.campaign_version))
    )
    return {version: (total, waiting) for version, total, waiting in found}
