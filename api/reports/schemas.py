"""The rows of finance's reports. Amounts are minor units of the row's currency."""

from __future__ import annotations

from datetime import datetime
from typing import Generic, Literal, TypeVar

from pydantic import BaseModel, Field

from api.http.ids import (
    CampaignId,
    CampaignTitle,
    CurrencyCode,
    CustomerId,
    GrantId,
    Minor,
    ProviderName,
    ReferralId,
)

R = TypeVar("R")


class Report(BaseModel, Generic[R]):
    """A whole report. It is streamed: it may be longer than memory."""

    object: Literal["report"] = "report"
    data_ref: Literal["data"] = "data"
    data: list[R]


class OrdersRow(BaseModel):
    """Orders of one period, campaign and provider."""

    period: str = Field(examples=["2026-11-01"], description="Its first day, UTC.")
    campaign_id: CampaignId
    provider: ProviderName
    currency: CurrencyCode
    orders: int
    issued: int
    face_amount: Minor = Field(description="Of the issued ones.")
    charged_amount: Minor = Field(description="What the provider told that it took.")
    charged_currency: CurrencyCode | None


class BudgetRow(BaseModel):
    """A campaign's spend against its budget."""

    campaign_id: CampaignId
    campaign: CampaignTitle
    currency: CurrencyCode
    budget: int | None = Field(description="Null: without a ceiling.", examples=[1000000])
    reserved: int = Field(description="Granted, not ordered yet.", examples=[0])
    committed: int = Field(description="Issued, not with the person yet.", examples=[0])
    spent: Minor = Field(description="With the person.")
    available: int | None = Field(examples=[998500])


class LiabilityRow(BaseModel):
    """What was granted and not delivered, and what lay in people's wallets."""

    kind: Literal["granted", "wallets"]
    campaign_id: CampaignId | None = Field(description="Null for wallets.")
    currency: CurrencyCode = Field(description="Or POINTS.")
    amount: Minor


class AcquisitionRow(BaseModel):
    """What a campaign's new customers have cost."""

    campaign_id: CampaignId
    customers: int = Field(description="Friends whose conversion qualified, and stood.")
    currency: CurrencyCode | None = Field(description="Null while no reward has cost anything.")
    cost: int = Field(description="Rewards of both sides, fees included.", examples=[3000])
    cost_per_customer: int = Field(description="Rounded to the minor unit.", examples=[3000])


class DeliveryTimesRow(BaseModel):
    """Seconds from a conversion to its reward's delivery, holds and reviews included."""

    campaign_id: CampaignId
    kind: str = Field(examples=["gift_card"])
    rewards: int
    p50: float = Field(examples=[4.2])
    p90: float = Field(examples=[6.8])
    p99: float = Field(examples=[31.0])
    missed: int = Field(description="How many took longer than was promised.", examples=[0])


class PromiseRow(BaseModel):
    """Something that is late, and what ends that."""

    kind: Literal["grant", "referral"]
    id: GrantId
    referral_id: ReferralId
    campaign_id: CampaignId
    state: str = Field(examples=["ordered"])
    attention: str | None
    since: datetime
    due_at: datetime = Field(examples=["2026-11-21T09:30:00Z"])
    late_by: int = Field(description="Seconds.", examples=[3600])
    unblocked_by: str = Field(
        examples=["Ask the provider after the order; Guerdon goes on looking."]
    )


class TaxRow(BaseModel):
    """A person's rewards in a tax year. Persons by id: names are joined elsewhere."""

    customer_id: CustomerId
    currency: CurrencyCode
    amount: Minor
    threshold: int | None
    crossed: bool = Field(examples=[False])
    form: str | None = Field(description="The form that the person has handed in.")


class UnmatchedRefundRow(BaseModel):
    """A refund without its purchase, or of which it is not certain for which one it is."""

    id: str = Field(examples=["5d41402abc4b2a76b9719d911017c592"])
    order_source_id: str | None = Field(examples=["order-771"])
    order_id: str | None = Field(examples=[None])
    campaign_id: str | None = Field(description="Where the refund named one.")
    refund_id: str | None = Field(examples=["re_1001"])
    amount: int | None = Field(description="Null: all of the order.", examples=[2500])
    currency: str | None
    received_at: datetime = Field(examples=["2026-08-14T09:30:00Z"])
    referral_id: str | None = Field(
        description="The referral that waits for a person.", examples=[None]
    )
    why: str = Field(examples=["No purchase of this order has come. Is its id mistyped?"])
