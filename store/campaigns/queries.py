"""Campaigns with their current terms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import and_, false, func, or_, select
from sqlmodel import col

from domain.campaigns import CampaignTerms
from domain.refusals import existing
from store.campaigns.rule_queries import of_campaigns
from store.counts.sums import counted_of_campaign
from store.database import ReadSession
from store.eligibility.spent import COUNTED, USED, is_spent
from store.lists.pages import AnySelect, Page, Window, read_page
from store.tables import Campaign, CampaignVersion, RuleAssignment


class CampaignRead(NamedTuple):
    """A campaign, its current terms, the number of its codes, and its rules' assignments."""

    campaign: Campaign
    terms: CampaignTerms
    vouchers: int
    assignments: list[RuleAssignment]
    spent: bool
    """Nobody new can be rewarded."""


async def find(session: ReadSession, ref: str) -> CampaignRead:
    """By id, else by name. Raises NotFound."""
    statement = (
        _campaigns()
        .where(or_(col(Campaign.id) == ref, col(Campaign.name) == ref))
        .order_by((col(Campaign.id) == ref).desc())
        .limit(1)
    )
    row = existing((await session.execute(statement)).one_or_none(), "campaign", ref)
    return (await _read(session, [row]))[0]


_KEYS = {"updated_at": func.coalesce(Campaign.updated_at, Campaign.created_at)}


async def page(
    session: ReadSession, window: Window, *, none: bool = False
) -> tuple[list[CampaignRead], Page]:
    """Campaigns. `none`: return an empty page, for filters that match no campaign."""
    statement = _campaigns().where(false()) if none else _campaigns()
    found = await read_page(session, statement, col(Campaign.id), window, keys=_KEYS)
    return await _read(session, found.rows), found


def _campaigns() -> AnySelect:
    # Coupons are rewards, not codes of the campaign.
    vouchers = counted_of_campaign("code") - counted_of_campaign("coupon")
    return select(Campaign, col(CampaignVersion.terms), vouchers, USED, COUNTED).join(
        CampaignVersion,
        and_(
            col(CampaignVersion.campaign_id) == Campaign.id,
            col(CampaignVersion.version) == Campaign.version,
        ),
    )


async def _read(session: ReadSession, rows: list[Any]) -> list[CampaignRead]:
    assigned = await of_campaigns(session, [row[0].id for row in rows])
    return [_campaign_of(row, assigned) for row in rows]


def _campaign_of(row: Any, assigned: Mapping[str, list[RuleAssignment]]) -> CampaignRead:
    campaign, terms = row[0], CampaignTerms.model_validate(row.terms)
    spent = is_spent(terms, row.used or 0, row.counted)
    return CampaignRead(campaign, terms, row[2], assigned[campaign.id], spent)
