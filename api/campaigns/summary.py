"""A campaign in figures, under Voucherify's names and Guerdon's own."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Literal

from fastapi import Query
from pydantic import BaseModel, Field

from api.http.access import READERS
from api.http.fields import FromRow
from api.http.ids import CampaignId, CampaignTitle, CurrencyCode, Minor, ReferrerId
from api.http.masking import Name, OwnId
from api.http.parameters import CampaignPath
from api.http.resources import Held
from api.http.route import GuardedRouter
from store.campaigns import queries as campaigns
from store.campaigns import summary

router = GuardedRouter("/v1/campaigns", "Campaigns")


class Funnel(FromRow):
    """Referrals by how far they came, then by where they stand now."""

    referred: int
    converted: int
    qualified: int
    completed: int
    waiting: int = Field(examples=[0])
    rejected: int = Field(examples=[0])
    expired: int = Field(examples=[0])
    reversed: int = Field(examples=[0])
    needs_attention: int = Field(examples=[0])


class Day(Funnel):
    """The same for the referrals that began on one day, UTC."""

    day: date = Field(examples=["2026-11-20"])


class Spend(FromRow):
    """A budget, minor units: what may be spent, is set aside, is ordered, has arrived, and is
    promised but has not arrived. `ceiling` null: without limit."""

    currency: CurrencyCode
    ceiling: int | None = Field(examples=[1000000])
    reserved: int = Field(examples=[0])
    committed: int = Field(examples=[0])
    delivered: Minor
    liability: int = Field(examples=[0])


class TopReferrer(FromRow):
    """One of the five who referred most."""

    id: ReferrerId = Field(validation_alias="referrer_id")
    source_id: OwnId = Field(examples=["user-1"])
    name: Name = Field(examples=["Jane Doe"])
    referred: int
    qualified: int


class CampaignName(FromRow):
    """Which campaign it is about."""

    id: CampaignId
    name: CampaignTitle
    campaign_type: Literal["REFERRAL_PROGRAM"] = "REFERRAL_PROGRAM"
    object: Literal["campaign"] = "campaign"


class CampaignSummary(BaseModel):
    """A campaign in figures. Amounts in minor units; validations leave no trace to count."""

    object: Literal["campaign_summary"] = "campaign_summary"
    campaign: CampaignName
    redemptions: int
    redemptions_succeeded: int
    redemptions_failed: int = Field(examples=[0])
    rollbacks: int = Field(examples=[0])
    rollbacks_succeeded: int = Field(examples=[0])
    rollbacks_failed: int = 0
    orders_amount: int = Field(examples=[4000])
    orders_rolledback_amount: int = Field(examples=[0])
    discounted_amount: int = Field(examples=[400])
    rolledback_discounted_amount: int = Field(examples=[0])
    vouchers_created: int
    vouchers_deleted: int = 0
    publications: int
    publications_succeeded: int
    publications_failed: int = Field(examples=[0])
    points_rewarded: int = Field(examples=[0])
    referred_customers: int
    funnel: Funnel
    spend: list[Spend]
    top_referrers: list[TopReferrer]
    by_day: list[Day]


@router.get("/{campaign_id}/summary", "resource_not_found", "invalid_payload", roles=READERS)
async def get_summary(
    campaign_id: CampaignPath,
    held: Held,
    start_date: Annotated[date | None, Query(description="First day, UTC.")] = None,
    end_date: Annotated[date | None, Query(description="Last day, UTC.")] = None,
) -> CampaignSummary:
    """The funnel, spend against budget, liability, top referrers, by day."""
    period = summary.Period(_begin(start_date), _begin(end_date, days=1))
    async with held.database.reading() as session:
        campaign = (await campaigns.find(session, campaign_id)).campaign
        read = await summary.of_campaign(session, campaign.id, period)
    return _answer(CampaignName.model_validate(campaign), read)


def _begin(day: date | None, days: int = 0) -> datetime | None:
    if day is None or day == date.max:
        return None
    return datetime.combine(day + timedelta(days), time(), UTC)


def _answer(campaign: CampaignName, read: summary.Summary) -> CampaignSummary:
    uses = read.uses
    return CampaignSummary(
        campaign=campaign,
        redemptions=uses.succeeded + uses.failed,
        redemptions_succeeded=uses.succeeded,
        redemptions_failed=uses.failed,
        rollbacks=uses.rolled_back,
        rollbacks_succeeded=uses.rolled_back,
        orders_amount=uses.orders,
        orders_rolledback_amount=uses.orders_back,
        discounted_amount=uses.discounts,
        rolledback_discounted_amount=uses.discounts_back,
        vouchers_created=read.codes.created,
        publications=read.publications.succeeded + read.publications.failed,
        publications_succeeded=read.publications.succeeded,
        publications_failed=read.publications.failed,
        points_rewarded=read.points_granted,
        referred_customers=read.funnel.referred,
        funnel=Funnel.model_validate(read.funnel),
        spend=[Spend.model_validate(row) for row in read.money],
        top_referrers=[TopReferrer.model_validate(row) for row in read.top_referrers],
        by_day=[Day.model_validate(row) for row in read.days],
    )
