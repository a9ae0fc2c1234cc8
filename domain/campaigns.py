"""A campaign's terms. Each edit makes a new version; a referral keeps the one it began under."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, model_validator

from domain.audience import Audiences
from domain.codes import CodeConfig
from domain.dates import InDays
from domain.discounts import Discount
from domain.fraud import FraudChecks
from domain.money import Money
from domain.rewards import Reward
from domain.rules.properties import Source
from domain.rules.rule import Rule
from domain.windows import Windows

LONGEST_WAIT = timedelta(days=3650)
"""Ten years: the limit of windows and holds, so that every due time fits into a calendar."""


class CampaignType(StrEnum):
    """Where a campaign's codes come from."""

    AUTO_UPDATE = "AUTO_UPDATE"
    """New codes are generated when the pool is empty."""
    STATIC = "STATIC"
    """Only the codes that it began with."""


class ConversionKind(StrEnum):
    """What turns a waiting referral into a success: exactly one kind a campaign."""

    REDEMPTION = "redemption"
    CUSTOM_EVENT = "custom_event"


class Criterion(StrEnum):
    """When a tier rewards the referrer."""

    EACH_UNIQUE_REFEREE = "each_unique_referee"
    MIN_UNIQUE_REFEREES = "min_unique_referees"


class Review(StrEnum):
    """Whether a person decides before a grant is ordered."""

    NONE = "none"
    ALL = "all"
    FLAGGED = "flagged"


class OnReversal(StrEnum):
    """What becomes of a reached milestone when the count falls below it again."""

    KEEP = "keep"
    """It stays, and is never granted again."""
    UNDO = "undo"
    """It is taken back; reaching it again reopens the same grant."""


class Remainder(StrEnum):
    """What becomes of what a refund left of a card, where no card of so little is sold."""

    CANCEL = "cancel"
    CREDIT = "credit"
    """It goes to the person's wallet."""


class FreeOrders(StrEnum):
    """Whether an order of 0 converts. An event or redemption without any order is not one."""

    COUNT = "count"
    REFUSE = "refuse"


class WhenReferrerFull(StrEnum):
    """What becomes of a friend whose referrer, or whose referrer's tier, may be given no more."""

    REFUSE = "refuse"
    FRIEND_ONLY = "friend_only"
    """Only the friend is rewarded."""


class Tier(BaseModel):
    """A reward for the referrer, and the count of unique referees that earns it."""

    model_config = ConfigDict(frozen=True)

    id: str = Field(examples=["tier_01jd3v5q8g6w2x4y7z9a1b3c5d"])
    name: str = Field(min_length=1, max_length=200, examples=["every friend"])
    criterion: Criterion
    threshold: int | None = Field(default=None, ge=1, le=1_000_000)
    repeat: bool = False
    on_reversal: OnReversal = OnReversal.KEEP
    max_grants: int | None = Field(default=None, ge=1, le=1_000_000_000)
    """The most grants of this tier in total, to all people; undone grants count too."""
    max_grants_per_referrer: int | None = Field(default=None, ge=1, le=1_000_000_000)
    reward: Reward

    @property
    def always(self) -> bool:
        """Whether every friend earns it, whatever came before."""
        capped = self.max_grants or self.max_grants_per_referrer
        return self.criterion is Criterion.EACH_UNIQUE_REFEREE and not capped

    @model_validator(mode="after")
    def _threshold_belongs_to_minimum(self) -> Tier:
        needs = self.criterion is Criterion.MIN_UNIQUE_REFEREES
        if needs != (self.threshold is not None):
            raise ValueError(
                "threshold is required with min_unique_referees, and only there"
                if needs
                else "threshold is given only with min_unique_referees"
            )
        return self


class Limits(BaseModel):
    """Ceilings, enforced by counters in the transaction that would pass them."""

    model_config = ConfigDict(frozen=True)

    budget: Money | None = Field(default=None, examples=[{"amount": 1000000, "currency": "USD"}])
    grants_per_referrer: int | None = Field(default=None, ge=1)
    redemptions_per_customer: int = Field(default=1, ge=1)
    redemptions: int | None = Field(default=None, ge=1)
    """Conversions in total; the campaign ends with the last one."""
    redemptions_per_day: int | None = Field(default=None, ge=1)
    redemptions_per_week: int | None = Field(default=None, ge=1)
    redemptions_per_month: int | None = Field(default=None, ge=1)
    redemptions_per_referrer_per_day: int | None = Field(default=None, ge=1)
    redemptions_per_referrer_per_week: int | None = Field(default=None, ge=1)
    redemptions_per_referrer_per_month: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _budget_is_not_negative(self) -> Limits:
        if self.budget and self.budget.amount < 0:
            raise ValueError("a budget cannot be negative")
        return self


class CampaignTerms(BaseModel):
    """Everything a referral is judged by. Stored whole, one row a version."""

    model_config = ConfigDict(frozen=True)

    conversion: ConversionKind
    event_name: str | None = Field(default=None, max_length=100)
    referee_reward: Reward | None = None
    tiers: tuple[Tier, ...] = ()
    discount: Discount | None = None
    code_quantity: int | None = Field(default=None, ge=1)
    code_config: CodeConfig = CodeConfig()
    activity_duration_after_publishing: InDays | None = Field(default=None, gt=timedelta(0))
    """How long a code may be used after its publication, also past the campaign's end."""
    attribution_window: InDays = timedelta(days=30)
    hold: InDays = timedelta(0)
    review: Review = Review.NONE
    when_referrer_full: WhenReferrerFull = WhenReferrerFull.REFUSE
    free_orders: FreeOrders = FreeOrders.COUNT
    """The value for terms from before this option. New campaigns begin with REFUSE."""
    remainder: Remainder = Remainder.CANCEL
    limits: Limits = Limits()
    rules: tuple[Rule, ...] = ()
    """Full copies of validation rules: later edits change nothing that was promised."""
    windows: Windows = Windows()
    whole_days: bool = False
    """Dates without a time in rules and audiences are whole days in the campaign's time zone. Older
    terms read them as their first moment, UTC."""
    audience: Audiences = Audiences()
    fraud: FraudChecks = FraudChecks()

    @property
    def days(self) -> ZoneInfo | None:
        """The time zone of whole days; None if dates are moments."""
        return self.windows.zone if self.whole_days else None

    @model_validator(mode="after")
    def _event_is_named(self) -> CampaignTerms:
        if (self.conversion is ConversionKind.CUSTOM_EVENT) != (self.event_name is not None):
            raise ValueError("custom_event.name is required with custom_event, and only there")
        return self

    @model_validator(mode="after")
    def _tiers_have_ids_of_their_own(self) -> CampaignTerms:
        # A tier's id is part of its grants' identity: of two equal ids only one could be granted.
        if len({tier.id for tier in self.tiers}) < len(self.tiers):
            raise ValueError("each tier needs an id of its own")
        return self

    @model_validator(mode="after")
    def _time_runs_forward(self) -> CampaignTerms:
        if self.attribution_window <= timedelta(0) or self.hold < timedelta(0):
            raise ValueError("attribution_window must be longer than zero, hold not negative")
        if max(self.attribution_window, self.hold) > LONGEST_WAIT:
            raise ValueError("attribution_window and hold may be ten years at most")
        return self

    @model_validator(mode="after")
    def _budget_can_count_every_reward(self) -> CampaignTerms:
        budget = self.limits.budget
        for reward in self.rewards():
            if budget and reward.face and reward.face.currency != budget.currency:
                raise ValueError(
                    f"a reward in {reward.face.currency} cannot count against "
                    f"a budget in {budget.currency}"
                )
        return self

    @model_validator(mode="after")
    def _every_rule_is_judged(self) -> CampaignTerms:
        # A rule that is stored but never evaluated would be a promise that nobody keeps.
        if self.conversion is ConversionKind.REDEMPTION:
            for rule in self.rules:
                if rule.asks(Source.EVENT_METADATA):
                    raise ValueError(
                        f"rule {rule.name or rule.id} asks about a custom event, "
                        "and this campaign converts on redemption"
                    )
        return self

    def rewards(self) -> list[Reward]:
        """Every reward that this campaign can grant."""
        referee = [self.referee_reward] if self.referee_reward else []
        return referee + [tier.reward for tier in self.tiers]

    def least_cost(self) -> int:
        """The minimum cost of every conversion, in minor units of the budget: the referee's reward
        and the tiers that each friend reaches, each in its smallest form."""
        always = [tier.reward for tier in self.tiers if tier.always]
        referee = [self.referee_reward] if self.referee_reward else []
        faces = [reward.least().face for reward in always + referee]
        return sum(face.amount for face in faces if face)


class CampaignStatus(StrEnum):
    """`active` is only the switch; this also considers the dates and what is left."""

    DRAFT = "draft"
    """Not begun: its start lies ahead, or it was never enabled."""
    LIVE = "live"
    PAUSED = "paused"
    """Disabled. Conversions of waiting referrals are held."""
    ENDED = "ended"
    SPENT = "spent"
    """Its budget or its conversions are used up: nobody new can be rewarded."""


def campaign_status(
    *,
    active: bool,
    opened: bool,
    start: datetime | None,
    end: datetime | None,
    spent: bool,
    now: datetime,
) -> CampaignStatus:
    """`opened`: it was active before."""
    if end and now >= end:
        return CampaignStatus.ENDED
    if not active and opened:
        return CampaignStatus.PAUSED
    if not active or (start and now < start):
        return CampaignStatus.DRAFT
    return CampaignStatus.SPENT if spent else CampaignStatus.LIVE
