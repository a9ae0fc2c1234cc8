"""The body that creates a campaign, and the terms that it says."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from api.campaigns.rewards import RewardIn, to_reward
from api.fields import MAX_MINOR, Duration, Instant, Strict
from domain.campaigns import (
    AmountOff,
    CampaignTerms,
    CampaignType,
    CodeConfig,
    ConversionKind,
    Criterion,
    Limits,
    PercentOff,
    Review,
    Tier,
)
from domain.customers import Metadata
from domain.ids import Prefix, new_id
from domain.money import Currency, Money
from domain.refusals import InvalidPayload
from store.campaigns import NewCampaign

MAX_CODES = 100_000


def _unreserved(text: str) -> str:
    """Codes stand in links and paths, unescaped."""
    if not re.fullmatch(r"[A-Za-z0-9._~#-]*", text):
        raise ValueError("may hold letters, digits, and - . _ ~ only")
    return text


def _no_hash(text: str) -> str:
    if "#" in text:
        raise ValueError("# stands for a random character, and only in a pattern")
    return text


CodeText = Annotated[str, AfterValidator(_unreserved)]
FixedText = Annotated[CodeText, AfterValidator(_no_hash)]


class CodeConfigIn(Strict):
    """How codes look; each # of `pattern` becomes a random character of `charset`."""

    length: int | None = Field(default=None, ge=4, le=64)
    charset: Annotated[FixedText, Field(min_length=2, max_length=128)] | None = None
    prefix: Annotated[FixedText, Field(max_length=32)] | None = None
    postfix: Annotated[FixedText, Field(max_length=32)] | None = None
    pattern: Annotated[CodeText, Field(max_length=64)] | None = Field(
        default=None, examples=["REF-########"]
    )
    initial_count: int | None = Field(default=None, ge=0, le=MAX_CODES)


class AmountOffIn(Strict, AmountOff):
    """A fixed sum off the order, minor units."""

    type: Literal["AMOUNT"]
    amount_off: int = Field(strict=True, gt=0, le=MAX_MINOR)
    effect: Literal["APPLY_TO_ORDER"] = "APPLY_TO_ORDER"


class PercentOffIn(Strict, PercentOff):
    """A share off the order, at most `amount_limit` minor units."""

    type: Literal["PERCENT"]
    amount_limit: int | None = Field(default=None, gt=0, le=MAX_MINOR)
    effect: Literal["APPLY_TO_ORDER"] = "APPLY_TO_ORDER"


def _discount_type(given: Any) -> Any:
    if isinstance(given, dict) and given.get("type") in ("UNIT", "FIXED"):
        raise ValueError(f"{given['type']} discounts are not supported yet")
    return given


DiscountIn = Annotated[
    Annotated[AmountOffIn | PercentOffIn, Field(discriminator="type")],
    BeforeValidator(_discount_type),
]


class UsesIn(Strict):
    """How often one code may be used; null: without limit."""

    quantity: int | None = Field(default=None, ge=1, le=1_000_000_000)


class VoucherIn(Strict):
    """The codes of the campaign, and the discount that they give."""

    type: Literal["DISCOUNT_VOUCHER"] = "DISCOUNT_VOUCHER"
    discount: DiscountIn | None = None
    redemption: UsesIn = UsesIn()
    code_config: CodeConfigIn = CodeConfigIn()
    is_referral_code: Literal[True] = True


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


EXAMPLE: dict[str, Any] = {
    "name": "Refer a friend",
    "campaign_type": "REFERRAL_PROGRAM",
    "type": "AUTO_UPDATE",
    "join_once": True,
    "voucher": {
        "type": "DISCOUNT_VOUCHER",
        "discount": {"type": "PERCENT", "percent_off": 10},
        "redemption": {"quantity": None},
        "code_config": {"pattern": "REF-########"},
    },
    "referral_program": {
        "conversion_event_type": "custom_event",
        "custom_event": {"name": "first_purchase"},
        "referee_reward": {
            "kind": "gift_card",
            "provider": "giftcard-partners",
            "product_id": "CVS",
            "amount": 1500,
            "currency": "USD",
            "delivery": "email",
            "personalization": {"from_name": "Acme", "message": "Welcome!"},
        },
        "tiers": [
            {
                "name": "five friends",
                "criterion": "min_unique_referees",
                "threshold": 5,
                "reward": {"kind": "loyalty_points", "points": 500},
            }
        ],
        "attribution_window": "P30D",
        "hold": "P14D",
        "limits": {"budget": {"amount": 1_000_000, "currency": "USD"}, "grants_per_referrer": 50},
    },
}
"""For the documentation."""


class CampaignIn(Strict):
    """A referral campaign. It is live as soon as it is created."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    name: str = Field(min_length=1, max_length=200, pattern=r"^[^/]*$", examples=["Refer a friend"])
    description: str | None = Field(default=None, max_length=2000)
    campaign_type: Literal["REFERRAL_PROGRAM"] = "REFERRAL_PROGRAM"
    type: CampaignType = CampaignType.AUTO_UPDATE
    join_once: bool = False
    vouchers_count: int | None = Field(default=None, ge=0, le=MAX_CODES)
    start_date: Instant | None = None
    expiration_date: Instant | None = None
    metadata: Metadata = Field(default={})
    voucher: VoucherIn = VoucherIn()
    referral_program: ReferralProgramIn

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> CampaignIn:
        if self.start_date and self.expiration_date and self.expiration_date <= self.start_date:
            raise ValueError("expiration_date must lie after start_date")
        return self

    def to_campaign(self, currency: str) -> NewCampaign:
        """What the store creates. Raises InvalidPayload for terms that contradict each other."""
        count = self.vouchers_count or self.voucher.code_config.initial_count or 0
        if self.type is CampaignType.STATIC and not count:
            raise InvalidPayload("A STATIC campaign needs vouchers_count.", field="/vouchers_count")
        terms = self._terms(currency)
        if terms.code_config.combinations < 2 * max(count, 1):
            raise InvalidPayload(
                "The pattern makes too few codes.", field="/voucher/code_config/pattern"
            )
        return NewCampaign(
            vouchers_count=count,
            terms=terms,
            **self.model_dump(
                include={
                    "name",
                    "description",
                    "type",
                    "join_once",
                    "start_date",
                    "expiration_date",
                    "metadata",
                }
            ),
        )

    def _terms(self, currency: str) -> CampaignTerms:
        program, voucher = self.referral_program, self.voucher
        given = {
            "event_name": program.custom_event.name if program.custom_event else None,
            "referee_reward": program.referee_reward
            and to_reward(program.referee_reward, currency),
            "discount": voucher.discount and voucher.discount.model_dump(exclude={"effect"}),
            "code_quantity": voucher.redemption.quantity,
            "attribution_window": program.attribution_window,
            "hold": program.hold,
        }
        try:
            return CampaignTerms(
                conversion=program.conversion_event_type,
                tiers=tuple(_tier(tier, currency) for tier in program.tiers),
                code_config=CodeConfig(
                    **voucher.code_config.model_dump(exclude_none=True, exclude={"initial_count"})
                ),
                review=program.review,
                limits=_limits(program.limits, currency),
                **{name: value for name, value in given.items() if value is not None},
            )
        except ValidationError as error:
            message = error.errors()[0]["msg"].removeprefix("Value error, ")
            raise InvalidPayload(message, field="/referral_program") from None


def _tier(given: TierIn, currency: str) -> Tier:
    document = given.model_dump(exclude={"reward"})
    return Tier(id=new_id(Prefix.TIER), reward=to_reward(given.reward, currency), **document)


def _limits(given: LimitsIn, currency: str) -> Limits:
    budget = given.budget
    return Limits(
        budget=Money(amount=budget.amount, currency=budget.currency or currency)
        if budget
        else None,
        **given.model_dump(exclude={"budget"}),
    )
