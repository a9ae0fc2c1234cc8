"""The versions of a campaign's terms, the referrals under each, and moves between them."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select, text
from sqlmodel import col

from domain.campaigns import CampaignTerms
from domain.differences import Difference, differences
from store.campaigns.queries import find
from store.database import ReadSession
from store.lists.pages import Page, Window, read_page
from store.tables import CampaignVersion, TermsMove

_COUNTS = text("""
SELECT split_part(unit, '|', 1)::int AS version, sum(amount)::bigint,
       coalesce(sum(amount) FILTER (WHERE unit LIKE '%|waiting%'), 0)::bigint
FROM (
    SELECT unit, amount FROM daily_counts WHERE campaign_id = :campaign AND name = 'referral'
    UNION ALL
    SELECT unit, amount FROM count_changes WHERE campaign_id = :campaign AND name = 'referral'
) AS counted GROUP BY 1""")


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
    found = await session.execute(_COUNTS, {"campaign": campaign_id})
    return {version: (total, waiting) for version, total, waiting in found}
