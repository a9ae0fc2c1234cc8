"""A campaign's `referral_program` in a body, and the terms in it.

Given members replace existing ones. A creation starts without any, so the terms' own defaults
remain."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError

from api.http.fields import MAX_MINOR, Duration, Strict, first_error, with_examples
from api.rewards.definitions import Making
from api.rewards.kinds import KindIn, ReferenceIn, RewardIn
from domain.audience import Audience
from domain.campaigns import (
    CampaignTerms,
    ConversionKind,
    Criterion,
    FreeOrders,
    OnReversal,
    Remainder,
    Review,
    Tier,
    WhenReferrerFull,
)
from domain.dates import ZoneName
from domain.fraud import Response
from domain.ids import Prefix, new_id
from domain.money import Currency
from domain.refusals import InvalidPayload
from domain.windows import Hours, Weekdays, Windows
from store.database import Transaction
from store.eligibility.segments import must_exist

Document = dict[str, Any]
"""The members of a campaign's terms, or of a tier."""
PROGRAM = "/referral_program"
_SAME_NAME = {
    "attribution_window",
    "hold",
    "review",
    "when_referrer_full",
    "free_orders",
    "remainder",
}


def _daily(given: Any) -> Any:
    """Voucherify nests the hours in `daily`."""
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

    def lay_windows(self, document: Document) -> None:
        """Raises InvalidPayload for contradictory limits."""
        said = {
            "timezone": self.timezone,
            "timeframe": self.validity_timeframe and self.validity_timeframe.model_dump(),
            "days_of_week": self.validity_day_of_week,
            "hours": self.validity_hours,
        }
        said = {name: value for name, value in said.items() if value is not None}
        try:
            document["windows"] = Windows(**dict(document.get("windows", ())) | said)
        except ValidationError as error:
            raise InvalidPayload(first_error(error), field="/validity_hours") from None


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

    def over(
        self, document: Document, making: Making, field: str = "", whole: str = PROGRAM
    ) -> Tier:
        """The tier after this change of `document`. Raises InvalidPayload at its reward, below
        `field`, or at `whole` for contradictory members."""
        members = document | dict.fromkeys(self.unset)
        if self.criterion is Criterion.EACH_UNIQUE_REFEREE:
            members.pop("threshold", None)
        members |= self.model_dump(exclude={"id", "reward", "unset"}, exclude_none=True)
        if self.reward:
            members["reward"] = making.make(self.reward, f"{field}/reward")
        try:
            return Tier(**members)
        except ValidationError as error:
            raise InvalidPayload(first_error(error), field=whole) from None


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

    @property
    def rewards(self) -> list[KindIn | ReferenceIn | None]:
        """Every reward in the body."""
        return [self.referee_reward, *(tier.reward for tier in self.tiers or [])]

    def lay(self, document: Document, making: Making, currency: str) -> None:
        """Raises InvalidPayload. `currency`: the default for a budget."""
        document |= self.model_dump(include=_SAME_NAME, exclude_none=True)
        if self.conversion_event_type:
            document |= {"conversion": self.conversion_event_type, "event_name": None}
        if self.custom_event:
            document["event_name"] = self.custom_event.name
        if self.referee_reward:
            field = f"{PROGRAM}/referee_reward"
            document["referee_reward"] = making.make(self.referee_reward, field)
        if self.tiers is not None:
            document["tiers"] = _tiers(self.tiers, document.get("tiers", ()), making)
        for name in ("limits", "audience", "fraud"):
            given = self.model_dump(include={name}, exclude_none=True).get(name, {})
            kept = dict(document.get(name, ()))
            if "budget" in given:
                given["budget"].setdefault("currency", currency)
            if "burst" in given:
                given["burst"] = dict(kept.get("burst", ())) | given["burst"]
            document[name] = kept | given


def _tiers(given: list[TierIn], known: tuple[Tier, ...], making: Making) -> list[Tier]:
    by_id = {tier.id: tier for tier in known}
    claimed = {tier.id for tier in given}
    by_name = {tier.name: tier.id for tier in known if tier.id not in claimed}
    tiers = []
    for index, tier in enumerate(given):
        field = f"{PROGRAM}/tiers/{index}"
        if tier.id and tier.id not in by_id:
            raise InvalidPayload(f"The campaign has no tier {tier.id!r}.", field=f"{field}/id")
        id = tier.id or by_name.pop(tier.name, None) or new_id(Prefix.TIER)
        tiers.append(tier.over({"id": id}, making, field))
    return tiers


class ReferralProgramIn(ProgramChangeIn):
    """What a referral is judged by. `referee_reward` null: single-sided."""

    conversion_event_type: ConversionKind


def to_terms(document: Document, field: str = PROGRAM) -> CampaignTerms:
    """Raises InvalidPayload for contradictory terms."""
    try:
        terms = CampaignTerms(**document)
    except ValidationError as error:
        raise InvalidPayload(first_error(error), field=field) from None
    if terms.code_config.combinations < 2:
        pattern = "/voucher/code_config/pattern"
        raise InvalidPayload("The pattern makes too few codes.", field=pattern)
    return terms


async def must_be_known(tx: Transaction, terms: CampaignTerms) -> None:
    """Raises NotFound for an audience's segment that does not exist."""
    for party in ("referrers", "referees"):
        audience: Audience = getattr(terms.audience, party)
        named = (*audience.segments, *audience.excluded_segments)
        await must_exist(tx, named, f"{PROGRAM}/audience/{party}")
