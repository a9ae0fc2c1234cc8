"""Campaigns: create, read, switch on and off."""

from __future__ import annotations

from fastapi import APIRouter

from api.access import READERS, Calling, allow
from api.campaigns.bodies import CampaignIn
from api.campaigns.schemas import CampaignAnswer, CampaignList
from api.campaigns.terms import rewards_in
from api.lists import Windowed
from api.problems import post_responses, responses
from api.resources import Held
from api.rewards.making import begin
from api.route import GuardedRoute
from domain.roles import Role
from store import campaigns
from store.reading import campaigns as reading

router = APIRouter(prefix="/v1/campaigns", tags=["Campaigns"], route_class=GuardedRoute)


@router.post(
    "",
    dependencies=[allow(Role.SERVICE)],
    responses=post_responses("duplicate_found"),
)
async def create_campaign(body: CampaignIn, held: Held) -> CampaignAnswer:
    """Create a referral campaign. It is live at once."""
    currency = held.settings.currency
    async with held.database.transaction() as tx:
        making = await begin(tx, currency, rewards_in(body.referral_program))
        new = body.to_campaign(making, currency)
        await making.put_away(tx, held.vault)
        campaign_id = await campaigns.create(tx, new)
    return await _answer(held, campaign_id)


@router.get("", dependencies=[allow(*READERS)], responses=responses("invalid_payload"))
async def list_campaigns(held: Held, window: Windowed) -> CampaignList:
    """Campaigns, newest first."""
    async with held.database.reading() as session:
        found, page = await reading.page(session, window)
    return CampaignList(
        data=[CampaignAnswer.of(read) for read in found],
        total=page.total,
        has_more=page.has_more,
    )


@router.get(
    "/{campaign_id}", dependencies=[allow(*READERS)], responses=responses("resource_not_found")
)
async def get_campaign(campaign_id: str, held: Held) -> CampaignAnswer:
    """One campaign, by id or name."""
    return await _answer(held, campaign_id)


@router.post(
    "/{campaign_id}/enable",
    dependencies=[allow(Role.SERVICE)],
    responses=post_responses("resource_not_found"),
)
async def enable_campaign(campaign_id: str, caller: Calling, held: Held) -> CampaignAnswer:
    """Accept referrals and conversions again."""
    return await _switch(held, campaign_id, active=True, actor=caller.app_id)


@router.post(
    "/{campaign_id}/disable",
    dependencies=[allow(Role.SERVICE)],
    responses=post_responses("resource_not_found"),
)
async def disable_campaign(campaign_id: str, caller: Calling, held: Held) -> CampaignAnswer:
    """Refuse new referrals and conversions. Grants that exist are finished."""
    return await _switch(held, campaign_id, active=False, actor=caller.app_id)


async def _answer(held: Held, ref: str) -> CampaignAnswer:
    async with held.database.reading() as session:
        return CampaignAnswer.of(await reading.find(session, ref))


async def _switch(held: Held, ref: str, *, active: bool, actor: str) -> CampaignAnswer:
    campaign = await _answer(held, ref)
    async with held.database.transaction() as tx:
        await campaigns.set_active(tx, campaign.id, active=active, actor=actor)
    return await _answer(held, campaign.id)
