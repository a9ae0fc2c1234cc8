"""Campaigns: create, read, enable and disable."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from fastapi import Query

from api.campaigns.bodies import CampaignChangeIn, CampaignIn
from api.campaigns.codes import DisableIn, EndIn
from api.campaigns.program import PROGRAM, must_be_known
from api.campaigns.schemas import CampaignAnswer, CampaignList, CampaignSummary, DeletedCampaign
from api.http.access import PROGRAMME, READERS, Calling
from api.http.lists import Dated
from api.http.parameters import CampaignPath, IsReferralCodeQuery
from api.http.resources import Held
from api.http.route import GuardedRouter
from api.rewards.definitions import begin, must_be_offered
from domain.campaigns import CampaignTerms
from store import metadata_schemas
from store.campaigns import queries as reading
from store.campaigns.create import create
from store.campaigns.delete import delete
from store.campaigns.revise import lock, revise
from store.campaigns.rules import named
from store.campaigns.summary import Period, of_campaign
from store.campaigns.switch import end, set_active
from store.database import Transaction
from store.outbox.messages import Outgoing
from store.tables import Campaign
from store.terms import terms_of

CampaignKind = Literal[
    "REFERRAL_PROGRAM", "LOYALTY_PROGRAM", "GIFT_VOUCHERS", "DISCOUNT_COUPONS", "PROMOTION"
]
CreationStatus = Literal["DONE", "IN_PROGRESS", "DRAFT", "FAILED", "MODIFYING"]

router = GuardedRouter("/v1/campaigns", "Campaigns")


@router.get("/{campaign_id}/summary", "resource_not_found", "invalid_payload", roles=READERS)
async def get_summary(
    campaign_id: CampaignPath,
    held: Held,
    start_date: Annotated[date | None, Query(description="First day, UTC.")] = None,
    end_date: Annotated[date | None, Query(description="Last day, UTC.")] = None,
) -> CampaignSummary:
    """The funnel, spend against budget, liability, top referrers, by day."""
    period = Period(start_date, end_date)
    async with held.database.reading() as session:
        campaign = (await reading.find(session, campaign_id)).campaign
        read = await of_campaign(session, campaign.id, period)
    told = {"campaign": campaign, "referred_customers": read.funnel.referred}
    return CampaignSummary.model_validate(read._asdict() | read.figures | told)


@router.post("", "resource_not_found", "duplicate_found", roles=PROGRAMME)
async def create_campaign(body: CampaignIn, held: Held) -> CampaignAnswer:
    """Create a referral campaign. It is live at once, unless `active` is false."""
    currency = held.settings.currency
    async with held.database.transaction() as tx:
        await metadata_schemas.check(tx, "campaign", body.metadata)
        making = await begin(tx, currency, body.referral_program.rewards)
        rules = await named(tx, body.validation_rules, "/validation_rules")
        new = body.to_campaign(making, rules, currency)
        await must_be_known(tx, new.terms)
        await making.put_away(tx, held.vault)
        campaign_id = await create(tx, new)
    return await _answer(held, campaign_id)


@router.get("", roles=READERS)
async def list_campaigns(
    held: Held,
    window: Dated,
    campaign_type: Annotated[
        CampaignKind, Query(description="Voucherify's kinds; there are referral programmes only.")
    ] = "REFERRAL_PROGRAM",
    campaign_status: Annotated[
        CreationStatus,
        Query(description="Voucherify's word for how far a campaign is made; here it always is."),
    ] = "DONE",
    is_referral_code: IsReferralCodeQuery = True,
) -> CampaignList:
    """Campaigns, newest first. Voucherify's other types are not kept here, and every campaign is
    DONE as soon as it is created: asked for others, the list is empty."""
    others = campaign_type != "REFERRAL_PROGRAM" or campaign_status != "DONE"
    none = others or not is_referral_code
    found, page = await held.database.read(reading.page, window, none=none)
    return CampaignList.of([CampaignAnswer.of(read) for read in found], page)


@router.get("/{campaign_id}", "resource_not_found", roles=READERS)
async def get_campaign(campaign_id: CampaignPath, held: Held) -> CampaignAnswer:
    """One campaign, by id or name."""
    return await _answer(held, campaign_id)


@router.put(
    "/{campaign_id}",
    "resource_not_found",
    "duplicate_found",
    "not_allowed_in_state",
    roles=PROGRAMME,
)
async def update_campaign(
    campaign_id: CampaignPath, body: CampaignChangeIn, caller: Calling, held: Held
) -> CampaignAnswer:
    """Edit a campaign, by id or name. A change of terms makes its next version: referrals that
    began before keep theirs, until they are moved."""
    currency = held.settings.currency
    async with held.database.transaction() as tx:
        campaign = await lock(tx, campaign_id)
        before = await terms_of(tx, campaign.id, campaign.version)
        program = body.referral_program
        making = await begin(tx, currency, program.rewards if program else [])
        after = body.to_terms(before, making, currency)
        columns = body.to_columns(campaign, after.windows.zone)
        await must_be_known(tx, after)
        if body.metadata or body.unset_metadata_fields:
            await metadata_schemas.check(tx, "campaign", columns["attributes"])
        await making.put_away(tx, held.vault)
        await revise(tx, campaign, before, after, columns, actor=caller.actor)
        switched = await _set_active(tx, campaign, after, body.active, caller.actor)
    held.dispatcher.wake(switched)
    return await _answer(held, campaign.id)


@router.delete("/{campaign_id}", "resource_not_found", "not_allowed_in_state", roles=PROGRAMME)
async def delete_campaign(
    campaign_id: CampaignPath, caller: Calling, held: Held
) -> DeletedCampaign:
    """Delete a campaign with its codes, at once. Refused once anybody was referred: facts are
    never deleted, and `/disable` ends a campaign."""
    async with held.database.transaction() as tx:
        await delete(tx, campaign_id, actor=caller.actor)
    return DeletedCampaign()


@router.post("/{campaign_id}/enable", "resource_not_found", roles=PROGRAMME)
async def enable_campaign(campaign_id: CampaignPath, caller: Calling, held: Held) -> CampaignAnswer:
    """Accept referrals again, and judge the conversions that were held. Refused while a provider
    does not offer what the campaign gives; `errors` names the reward."""
    return await _switch(held, campaign_id, active=True, actor=caller.actor)


@router.post("/{campaign_id}/disable", "resource_not_found", roles=PROGRAMME)
async def disable_campaign(
    campaign_id: CampaignPath, caller: Calling, held: Held, body: DisableIn | None = None
) -> CampaignAnswer:
    """Pause the campaign. New referrals are refused, and no discount is given. The conversion of a
    friend who already waits is accepted and held (`converted`, reason `campaign_paused`) until the
    campaign is enabled or ended. Rewards that exist are finished, unless `grants` says stop."""
    stop = body.stop if body else None
    return await _switch(held, campaign_id, active=False, actor=caller.actor, stop=stop)


@router.post("/{campaign_id}/end", "resource_not_found", roles=PROGRAMME)
async def end_campaign(
    campaign_id: CampaignPath, body: EndIn, caller: Calling, held: Held
) -> CampaignAnswer:
    """End the campaign now. Friends who wait keep their window; what a pause held is judged or
    rejected, as `held` says."""
    async with held.database.transaction() as tx:
        switched = await end(tx, campaign_id, judge=body.held == "judge", actor=caller.actor)
    held.dispatcher.wake(switched.intake)
    return await _answer(held, switched.id)


async def _answer(held: Held, ref: str) -> CampaignAnswer:
    return CampaignAnswer.of(await held.database.read(reading.find, ref))


async def _switch(
    held: Held, ref: str, *, active: bool, actor: str, stop: bool | None = None
) -> CampaignAnswer:
    campaign = await _answer(held, ref)
    async with held.database.transaction() as tx:
        if active:
            terms = await terms_of(tx, campaign.id, campaign.version)
            await must_be_offered(tx, terms, PROGRAM)
        switched = await set_active(tx, campaign.id, active=active, actor=actor, stop=stop)
    held.dispatcher.wake(switched.intake)
    return await _answer(held, campaign.id)


async def _set_active(
    tx: Transaction, campaign: Campaign, terms: CampaignTerms, active: bool | None, actor: str
) -> list[Outgoing]:
    """Enable or disable the campaign, as an edit says."""
    if active is None or active == campaign.active:
        return []
    if active:
        await must_be_offered(tx, terms, PROGRAM)
    return (await set_active(tx, campaign.id, active=active, actor=actor)).intake
