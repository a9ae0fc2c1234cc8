"""Answers about campaigns: Voucherify's members, and Guerdon's terms."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, Field, computed_field

from api.http.fields import FromRow
from api.http.ids import CampaignId, CampaignTitle, CurrencyCode, Minor, ReferrerId
from api.http.lists import Listed
from api.http.masking import Name, OwnId
from api.rewards.schemas import RefereeReward
from api.validation_rules.schemas import Assigned, AssignmentAnswer
from domain.audience import Audiences
from domain.campaigns import (
    CampaignStatus,
    CampaignTerms,
    CampaignType,
    ConversionKind,
    FreeOrders,
    Limits,
    Remainder,
    Review,
    Tier,
    WhenReferrerFull,
    campaign_status,
)
from domain.codes import CodeConfig
from domain.dates import InDays
from domain.discounts import Discount, PercentOff, UnitsOff
from domain.fraud import FraudChecks
from domain.windows import Hours, Timeframe, Windows
from store.campaigns.queries import CampaignRead


class DiscountAnswer(BaseModel):
    """What a referee saves at code redemption."""

    type: Literal["AMOUNT", "PERCENT", "FIXED", "UNIT"] = Field(examples=["PERCENT"])
    amount_off: int | None = None
    percent_off: int | float | None = Field(default=None, examples=[10])
    amount_limit: int | None = None
    fixed_amount: int | None = None
    unit_off: int | None = None
    unit_type: str | None = None
    effect: Literal["APPLY_TO_ORDER", "ADD_MISSING_ITEMS"] = "APPLY_TO_ORDER"

    @classmethod
    def of(cls, discount: Discount | None) -> DiscountAnswer | None:
        if discount is None:
            return None
        members = discount.model_dump()
        if isinstance(discount, PercentOff):
            members["percent_off"] = _number(discount.percent_off)
        if isinstance(discount, UnitsOff):
            members["effect"] = "ADD_MISSING_ITEMS"
        return cls(**members)


def _number(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)


class EmptyList(BaseModel):
    """What Voucherify lists here, and Guerdon has none of."""

    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"
    data: list[Any] = []
    total: int = 0


class DailyHours(BaseModel):
    """When codes may be used each day."""

    daily: list[Hours]


class Quantity(BaseModel):
    """How often one code may be used; null: without limit."""

    quantity: int | None


class CampaignVoucher(BaseModel):
    """The codes of the campaign."""

    type: Literal["DISCOUNT_VOUCHER"] = "DISCOUNT_VOUCHER"
    discount: DiscountAnswer | None
    redemption: Quantity
    code_config: CodeConfig
    is_referral_code: bool = True
    start_date: datetime | None
    expiration_date: datetime | None


class CustomEvent(BaseModel):
    """The event that converts."""

    name: str = Field(examples=["first_purchase"])


class ReferralProgram(BaseModel):
    """The current terms. A referral keeps those that it began under."""

    conversion_event_type: ConversionKind = Field(examples=["custom_event"])
    custom_event: CustomEvent | None
    referee_reward: RefereeReward | None
    tiers: list[Tier]
    attribution_window: InDays = Field(examples=["P30D"])
    hold: InDays = Field(examples=["P14D"])
    review: Review
    when_referrer_full: WhenReferrerFull
    free_orders: FreeOrders
    remainder: Remainder
    limits: Limits
    audience: Audiences
    fraud: FraudChecks

    @classmethod
    def of(cls, terms: CampaignTerms) -> ReferralProgram:
        return cls.model_validate(
            dict(terms)
            | {
                "conversion_event_type": terms.conversion,
                "custom_event": {"name": terms.event_name} if terms.event_name else None,
                "referee_reward": terms.referee_reward and RefereeReward.of(terms.referee_reward),
            }
        )


class Categorised(BaseModel):
    """Voucherify's members for a category. Here it is a word of its own, and no object."""

    category: str | None
    category_id: None = None
    categories: list[Any] = []


class CampaignAnswer(Categorised):
    """A referral campaign."""

    id: CampaignId
    object: Literal["campaign"] = "campaign"
    name: CampaignTitle
    description: str | None = Field(examples=["Jane shares her code, a friend buys."])
    campaign_type: Literal["REFERRAL_PROGRAM"] = "REFERRAL_PROGRAM"
    type: CampaignType
    join_once: bool
    auto_join: bool = False
    use_voucher_metadata_schema: bool = False
    active: bool
    status: CampaignStatus
    protected: bool = False
    creation_status: Literal["DONE"] = "DONE"
    vouchers_generation_status: Literal["DONE"] = "DONE"
    vouchers_count: int
    start_date: datetime | None
    expiration_date: datetime | None
    activity_duration_after_publishing: InDays | None
    timezone: str = Field(examples=["Europe/Berlin"])
    validity_timeframe: Timeframe | None = Field(examples=[None])
    validity_day_of_week: list[int] | None = Field(examples=[None])
    validity_hours: DailyHours | None = Field(examples=[None])
    landing_url: str | None = Field(examples=["https://shop.example.com/welcome?code={code}"])
    share_text: str | None = Field(examples=["Try Acme with my code {{ code }}: {{ link }}"])
    metadata: dict[str, Any]
    version: int
    """Each edit of the terms makes the next one."""
    voucher: CampaignVoucher
    referral_program: ReferralProgram
    validation_rules_assignments: Assigned
    created_at: datetime
    updated_at: datetime | None

    @classmethod
    def of(cls, read: CampaignRead) -> CampaignAnswer:
        campaign, terms = read.campaign, read.terms
        return cls(
            metadata=campaign.attributes,
            vouchers_count=read.vouchers,
            status=campaign_status(
                active=campaign.active,
                opened=campaign.opened_at is not None,
                start=campaign.start_date,
                end=campaign.expiration_date,
                spent=read.spent,
                now=datetime.now(UTC),
            ),
            activity_duration_after_publishing=terms.activity_duration_after_publishing,
            voucher=CampaignVoucher(
                discount=DiscountAnswer.of(terms.discount),
                redemption=Quantity(quantity=terms.code_quantity),
                code_config=terms.code_config,
                start_date=campaign.start_date,
                expiration_date=campaign.expiration_date,
            ),
            referral_program=ReferralProgram.of(terms),
            validation_rules_assignments=Assigned(
                data=[AssignmentAnswer.model_validate(one) for one in read.assignments]
            ),
            **_windows(terms.windows),
            **campaign.model_dump(exclude={"attributes"}),
        )


class CampaignList(Listed[CampaignAnswer]):
    """Campaigns, under `data` and under Voucherify's own name."""

    @computed_field
    def campaigns(self) -> list[CampaignAnswer]:
        """The same as `data`."""
        return self.data


class DeletedCampaign(BaseModel):
    """Voucherify deletes later, and names the action here; Guerdon has deleted already."""

    async_action_id: None = None


def _windows(windows: Windows) -> dict[str, Any]:
    """A campaign's windows in Voucherify's members, and the time zone."""
    frame, hours = windows.timeframe, [one.model_dump(mode="json") for one in windows.hours]
    return {
        "timezone": windows.timezone,
        "validity_timeframe": frame.model_dump(mode="json") if frame else None,
        "validity_day_of_week": list(windows.days_of_week) if windows.days_of_week else None,
        "validity_hours": {"daily": hours} if hours else None,
    }


class Funnel(FromRow):
    """Visits of short links; referrals by how far they came, then by where they stand now."""

    visits: int
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
    """The same for one day, UTC: its visits, and the referrals that began then."""

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
