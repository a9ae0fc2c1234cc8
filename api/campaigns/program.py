"""A campaign's `referral_program` in a body: audiences, windows, fraud checks, tiers, limits."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from api.http.fields import MAX_MINOR, Duration, Strict, with_examples
from api.rewards.kinds import RewardIn
from domain.audience import Audience
from domain.campaigns import (
    ConversionKind,
    Criterion,
    FreeOrders,
    OnReversal,
    Remainder,
    Review,
    WhenReferrerFull,
)
from domain.fraud import Response
from domain.money import Currency
from domain.time_zones import ZoneName
from domain.windows import Hours, Weekdays


def _daily(given: Any) -> Any:
    """Voucherify wraps the hours into `daily`."""
    return given.get("daily", given) if isinstance(given, dict) else given


class TimeframeIn(Strict):
    """Open for `duration` at the beginning of each `interval`, from `start_date` on."""

    interval: Duration
    duration: Duration


class WindowsIn(Strict):
    """Voucherify's recurring limits, on the clocks of `timezone`."""

    timezone: ZoneName | None = Field(default=None, examples=["Europe/Berlin"])
    validity_timeframe: TimeframeIn | None = None
    validity_day_of_week: Weekdays | None = None
    validity_hours: Annotated[tuple[Hours, ...], BeforeValidator(_daily)] | None = Field(
        default=None,
        max_length=50,
        description='Voucherify\'s {"daily": […]}: adjoining, never overlapping.',
    )


class AudienceIn(Strict):
    """Who may share codes, and who may be a friend that counts."""

    referrers: Audience | None = None
    referees: Audience | None = None


class BurstIn(Strict):
    """More than `conversions` of one code within `within`."""

    conversions: int | None = Field(default=None, strict=True, ge=1, le=1_000_000)
    within: Duration | None = None
    response: Response | None = None


class FraudIn(Strict):
    """What each check leads to; one that is left out keeps its default."""

    same_email: Response | None = None
    same_phone: Response | None = None
    same_address: Response | None = None
    disposable_email: Response | None = None
    same_order: Response | None = None
    burst: BurstIn | None = None
    shared: list[Annotated[str, Field(min_length=1, max_length=254)]] | None = Field(
        default=None,
        max_length=100,
        description="What many people share and nobody is told apart by, with `*` and `?`: an "
        "e-mail address, a phone number, or a street with what follows.",
        examples=[["*@relay.example.com", "+1 217 555 0100", "1 Main Street*"]],
    )


class CustomEventIn(Strict):
    """The event that converts, by its name."""

    name: str = Field(min_length=1, max_length=100, examples=["first_purchase"])
    id: str | None = None


_Most = Annotated[int, Field(strict=True, ge=1, le=1_000_000_000)]


class TierChangeIn(Strict):
    """What is given of a tier replaces; what is not stays."""

    model_config = with_examples({"threshold": 10, "unset": ["max_grants"]})

    name: str | None = Field(default=None, min_length=1, max_length=200)
    criterion: Criterion | None = None
    threshold: int | None = Field(default=None, strict=True, ge=1, le=1_000_000)
    repeat: bool | None = None
    on_reversal: OnReversal | None = None
    max_grants: _Most | None = Field(default=None, description="To all referrers together.")
    max_grants_per_referrer: _Most | None = None
    reward: RewardIn | None = None
    unset: list[Literal["max_grants", "max_grants_per_referrer"]] = Field(
        default=[], max_length=2, description="Caps to be lifted, for null means not given."
    )


class TierIn(TierChangeIn):
    """What the referrer gets, and when. `id` names a tier that the campaign has; without it, a
    tier of the same name is the same tier."""

    model_config = with_examples(
        {
            "name": "five friends",
            "criterion": "min_unique_referees",
            "threshold": 5,
            "repeat": True,
            "max_grants_per_referrer": 4,
            "reward": {"kind": "loyalty_points", "points": 500},
        }
    )

    id: str | None = Field(default=None, max_length=64)
    name: str = Field(min_length=1, max_length=200)
    criterion: Criterion
    reward: RewardIn


class BudgetIn(Strict):
    """The most that the campaign may grant in all, minor units of face value."""

    amount: int = Field(strict=True, gt=0, le=MAX_MINOR)
    currency: Currency | None = None


class LimitsIn(Strict):
    """Ceilings that no concurrency passes."""

    budget: BudgetIn | None = None
    grants_per_referrer: _Most | None = None
    redemptions_per_customer: _Most | None = None
    redemptions: _Most | None = Field(
        default=None, description="Conversions in all: the campaign ends with the last one."
    )
    redemptions_per_day: _Most | None = None
    redemptions_per_week: _Most | None = None
    redemptions_per_month: _Most | None = None
    redemptions_per_referrer_per_day: _Most | None = None
    redemptions_per_referrer_per_week: _Most | None = None
    redemptions_per_referrer_per_month: _Most | None = None


class ProgramChangeIn(Strict):
    """What is given of the terms replaces; what is not stays. Limits merge one by one; tiers are
    replaced as a list."""

    conversion_event_type: ConversionKind | None = None
    custom_event: CustomEventIn | None = None
    referee_reward: RewardIn | None = None
    tiers: list[TierIn] | None = Field(default=None, max_length=50)
    attribution_window: Duration | None = None
    hold: Duration | None = None
    review: Review | None = None
    when_referrer_full: WhenReferrerFull | None = Field(
        default=None,
        description="What happens once grants_per_referrer, or a tier's cap, is full. refuse: the "
        "friend is refused, at sign-up already; friend_only: the friend's reward stands alone.",
    )
    free_orders: FreeOrders | None = Field(
        default=None,
        description="Whether an order of 0 converts; it does not, unless the terms say so. No "
        "order at all is not an order of 0.",
    )
    remainder: Remainder | None = Field(
        default=None,
        description="What becomes of what a refund left of a card, where that is less than the "
        "smallest card sold: cancelled, or credited to the person's wallet.",
    )
    limits: LimitsIn | None = None
    audience: AudienceIn | None = None
    fraud: FraudIn | None = None


class ReferralProgramIn(ProgramChangeIn):
    """What a referral is judged by. `referee_reward` null: single-sided."""

    conversion_event_type: ConversionKind
