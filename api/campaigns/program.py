"""The part of a campaign's body that tells what a referral is judged by."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from api.campaigns.rewards import RewardIn, to_reward
from api.fields import MAX_MINOR, Duration, Strict
from domain.campaigns import ConversionKind, Criterion, Limits, Review, Tier
from domain.ids import Prefix, new_id
from domain.money import Currency, Money


class CustomEventIn(Strict):
    """The event that converts, by its name."""

    name: str = Field(min_length=1, max_length=100, examples=["first_purchase"])
    id: str | None = None


class TierIn(Strict):
    """What the referrer gets, and when."""

    name: str = Field(min_length=1, max_length=200)
    criterion: Criterion
    threshold: int | None = Field(default=None, strict=True, ge=1, le=1_000_000)
    repeat: bool = False
    reward: RewardIn


class BudgetIn(Strict):
    """The most that the campaign may grant in all, minor units of face value."""

    amount: int = Field(strict=True, gt=0, le=MAX_MINOR)
    currency: Currency | None = None


class LimitsIn(Strict):
    """Ceilings that no concurrency passes."""

    budget: BudgetIn | None = None
    grants_per_referrer: int | None = Field(default=None, strict=True, ge=1, le=1_000_000_000)
    redemptions_per_customer: int = Field(default=1, strict=True, ge=1, le=1_000_000_000)


def _no_review(review: Review) -> Review:
    if review is not Review.NONE:
        raise ValueError(f"review {review} is not supported yet")
    return review


class ReferralProgramIn(Strict):
    """What a referral is judged by. `referee_reward` null: single-sided."""

    conversion_event_type: ConversionKind
    custom_event: CustomEventIn | None = None
    referee_reward: RewardIn | None = None
    tiers: list[TierIn] = Field(default=[], max_length=50)
    attribution_window: Duration | None = None
    hold: Duration | None = None
    review: Annotated[Review, AfterValidator(_no_review)] = Review.NONE
    limits: LimitsIn = LimitsIn()


def to_tier(given: TierIn, currency: str) -> Tier:
    document = given.model_dump(exclude={"reward"})
    return Tier(id=new_id(Prefix.TIER), reward=to_reward(given.reward, currency), **document)


def to_limits(given: LimitsIn, currency: str) -> Limits:
    budget = given.budget
    return Limits(
        budget=Money(amount=budget.amount, currency=budget.currency or currency)
        if budget
        else None,
        **given.model_dump(exclude={"budget"}),
    )
