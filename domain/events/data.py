"""What an event's `data` contains, by what the event is about.

Amounts are integer minor units, or points, with a currency beside them (none for points). Models
take further members: an event may record more than its model promises."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class EventData(BaseModel):
    """What every event may contain."""

    model_config = ConfigDict(extra="allow")


class CampaignRef(BaseModel):
    """A campaign."""

    id: str = Field(examples=["camp_01jd3v5q8g6w2x4y7z9a1b3c5d"])
    name: str = Field(examples=["Refer a friend"])


class PersonRef(BaseModel):
    """A customer. `source_id` is the caller's own id; null once the person is erased."""

    id: str = Field(examples=["cust_01jd3v5q8g6w2x4y7z9a1b3c5d"])
    source_id: str | None = Field(examples=["crm-1042"])


class OrderRef(BaseModel):
    """The purchase behind a conversion, before the code's discount."""

    source_id: str | None = Field(description="The shop's own id.", examples=["order-77"])
    amount: int | None = Field(examples=[10000])
    currency: str | None = Field(examples=["USD"])


class GrantRef(BaseModel):
    """A reward of one person. `status` and `previous_status`: after the event and before it."""

    id: str = Field(examples=["gr_01jd3v5q8g6w2x4y7z9a1b3c5d"])
    role: str = Field(examples=["referrer"])
    reason: str = Field(description="`referee_reward`, or the tier's id.", examples=["tier-1"])
    reward: dict[str, Any] = Field(
        description="The definition that was frozen with the grant.",
        examples=[{"kind": "gift_card", "provider": "tremendous", "amount": 2500}],
    )
    amount: int = Field(examples=[2500])
    currency: str | None = Field(examples=["USD"])
    status: str = Field(examples=["delivered"])
    previous_status: str | None = Field(examples=["ordered"])


class GiftCardOrderRef(BaseModel):
    """An order at a provider. `charged`: what the provider took from the deposit."""

    id: str = Field(examples=["ord_01jd3v5q8g6w2x4y7z9a1b3c5d"])
    key: str = Field(examples=["9b2f0c1e5d7a4b6c8e1f3a5b7c9d0e2f"])
    provider: str = Field(examples=["tremendous"])
    provider_order_id: str | None = Field(examples=["ABC123"])
    state: str = Field(examples=["issued"])
    delivery: str = Field(examples=["arrived"])
    amount: int = Field(examples=[2500])
    currency: str = Field(examples=["USD"])
    charged_amount: int | None = Field(examples=[2500])
    charged_currency: str | None = Field(examples=["USD"])


class OfCampaign(EventData):
    """About a campaign."""

    campaign: CampaignRef | None = None


class OfReferral(OfCampaign):
    """About a referral. `status` and `previous_status` are the referral's."""

    referral_id: str = Field(examples=["ref_01jd3v5q8g6w2x4y7z9a1b3c5d"])
    code: str | None = Field(examples=["REF-8KQZ4MTA"])
    referrer: PersonRef
    referee: PersonRef
    order: OrderRef | None = Field(default=None, description="Once the friend has bought.")
    status: str | None = Field(default=None, examples=["completed"])
    previous_status: str | None = Field(default=None, examples=["fulfilling"])
    reason: str | None = Field(
        default=None,
        description="Why it was rejected, expired, held or parked.",
        examples=[None],
    )


class OfUse(OfCampaign):
    """About a use of a code by a customer; with the referral that it is part of, if any."""

    customer: PersonRef | None = None
    code: str | None = Field(default=None, examples=["REF-8KQZ4MTA"])
    referral_id: str | None = Field(default=None, examples=["ref_01jd3v5q8g6w2x4y7z9a1b3c5d"])
    referrer: PersonRef | None = None
    referee: PersonRef | None = None


class OfGrant(OfReferral):
    """About one reward. `status` and `previous_status` are the reward's, as in `grant`."""

    status: str | None = Field(default=None, examples=["delivered"])
    previous_status: str | None = Field(default=None, examples=["ordered"])
    grant: GrantRef
    gift_card_order: GiftCardOrderRef | None = Field(
        default=None, description="For a gift card: its newest order."
    )


class OfOrder(OfGrant):
    """About an order at a provider."""

    gift_card_order: GiftCardOrderRef
