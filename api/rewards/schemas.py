"""Answers about rewards: Voucherify's members, and the whole definition."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from api.http.ids import CurrencyCode, Minor, ProviderName
from api.http.lists import Listed
from api.rewards.kinds import TYPES
from domain.amounts import AmountBy
from domain.dates import InDays
from domain.discounts import Discount
from domain.rewards import (
    Delivery,
    DiscountCoupon,
    GiftCredits,
    LoyaltyPoints,
    Personalization,
    Reward,
    Sized,
    reward_of,
)
from store.rewards.queries import RewardRead


class RefereeReward(BaseModel):
    """A referee's reward as Voucherify shows it, `amount` in a string, with Guerdon's members."""

    kind: str = Field(examples=["gift_card"])
    type: Literal["GIFT_VOUCHER", "LOYALTY_CARD"] | None
    """Null for the kinds that Voucherify does not have here."""
    amount: str | None = Field(default=None, examples=["1500"])
    points: int | None = None
    currency: CurrencyCode | None = None
    provider: ProviderName | None = None
    product_id: str | None = Field(default=None, examples=["CVS"])
    delivery: Delivery | None = None
    personalization: Personalization | None = Field(default=None, examples=[None])
    discount: Discount | None = None
    uses: int | None = None
    valid_for: InDays | None = None
    prefix: str | None = None
    name: str | None = None
    url: str | None = None
    secret_id: str | None = None
    data: dict[str, Any] | None = None
    amount_by: AmountBy | None = Field(default=None, examples=[None])
    reward_id: str | None = None

    @classmethod
    def of(cls, reward: Reward) -> RefereeReward:
        amount = str(reward.quantity) if isinstance(reward, Sized) else None
        return cls(**reward.model_dump() | {"type": TYPES.get(reward.kind), "amount": amount})


class CampaignParameters(BaseModel):
    """What a digital reward adds to the person's wallet, as Voucherify shows it."""

    id: Literal["gift_credits", "loyalty_points"] | None = None
    balance: Minor | None = Field(default=None)
    type: Literal["GIFT_VOUCHERS", "LOYALTY_PROGRAM", "DISCOUNT_COUPONS"]


class RewardParameters(BaseModel):
    """Voucherify's parameters. Guerdon has wallets instead of campaigns of cards."""

    campaign: CampaignParameters

    @classmethod
    def of(cls, reward: Reward) -> RewardParameters | None:
        match reward:
            case GiftCredits(amount=amount):
                given: dict[str, Any] = {"balance": amount, "type": "GIFT_VOUCHERS"}
            case LoyaltyPoints(points=points):
                given = {"balance": points, "type": "LOYALTY_PROGRAM"}
            case DiscountCoupon():
                return cls(campaign=CampaignParameters(type="DISCOUNT_COUPONS"))
            case _:
                return None
        return cls(campaign=CampaignParameters(id=reward.kind, **given))


class RewardAttributes(BaseModel):
    """How it is shown to people."""

    image_url: str | None
    description: str | None


class RewardAnswer(BaseModel):
    """A reusable reward."""

    id: str = Field(examples=["rew_01jd3v5q8g6w2x4y7z9a1b3c5d"])
    object: Literal["reward"] = "reward"
    name: str = Field(examples=["Gift card of 15 USD"])
    type: Literal["CAMPAIGN"] | None
    """Null for the kinds that Voucherify does not have."""
    parameters: RewardParameters | None = Field(examples=[None])
    reward: Reward
    """The definition that campaigns copy."""
    stock: None = None
    redeemed: int = Field(description="How many grants of it have been delivered.")
    attributes: RewardAttributes
    metadata: dict[str, Any]
    created_at: datetime
    updated_at: datetime | None

    @classmethod
    def of(cls, read: RewardRead) -> RewardAnswer:
        row = read.row
        reward = reward_of(row.reward)
        parameters = RewardParameters.of(reward)
        return cls(
            type="CAMPAIGN" if parameters else None,
            parameters=parameters,
            reward=reward,
            redeemed=read.redeemed,
            attributes=RewardAttributes(image_url=row.image_url, description=row.description),
            metadata=row.attributes,
            **row.model_dump(include={"id", "name", "created_at", "updated_at"}),
        )


class RewardList(Listed[RewardAnswer]):
    """Reusable rewards."""
