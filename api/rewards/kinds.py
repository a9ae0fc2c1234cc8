"""The kinds of reward as callers send them, and Voucherify's two types of referee reward."""

from __future__ import annotations

import base64
import binascii
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AnyHttpUrl,
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    model_validator,
)

from api.campaigns.codes import DiscountIn, FixedText
from api.http.fields import Duration, Strict
from domain.amounts import AmountBy
from domain.customers import Metadata
from domain.money import Currency
from domain.rewards import MOST_MINOR, MOST_POINTS, Alternative, Delivery, Personalization
from domain.targets import may_exist
from providers.registry import KNOWN

TYPES = {"gift_credits": "GIFT_VOUCHER", "loyalty_points": "LOYALTY_CARD"}
"""Voucherify's types of referee reward, by kind."""
_KINDS = {type: kind for kind, type in TYPES.items()}


def _known(provider: str) -> str:
    if provider not in KNOWN:
        raise ValueError(f"not a provider that Guerdon knows: {', '.join(sorted(KNOWN))}")
    return provider


def _whole(value: Any) -> Any:
    """Read a number that is sent as a string of digits, as Voucherify's SDK does."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 18:
        return int(value)
    return value


Amount = Annotated[
    int,
    BeforeValidator(_whole),
    Field(strict=True, gt=0, le=MOST_MINOR, description="Minor units.", examples=[1500]),
]
Points = Annotated[
    int, BeforeValidator(_whole), Field(strict=True, gt=0, le=MOST_POINTS, examples=[500])
]


def _signing(secret: str) -> str:
    try:
        size = len(base64.b64decode(secret.removeprefix("whsec_"), validate=True))
    except binascii.Error:
        size = 0
    if not 24 <= size <= 64:
        raise ValueError("must be whsec_ and the base64 of 24 to 64 random bytes")
    return secret


def _plain(url: AnyHttpUrl) -> AnyHttpUrl:
    if not may_exist(url.host or ""):
        raise ValueError("no host of that name can exist")
    if url.username or url.password or url.fragment:
        raise ValueError("may hold no credentials and no fragment")
    return url


TargetUrl = Annotated[AnyHttpUrl, AfterValidator(_plain), Field(max_length=2000)]
"""An address that Guerdon will call."""


class Labelled(Strict):
    """`reward_id` beside a whole definition, as answers show it, says only where it came from."""

    reward_id: str | None = Field(default=None, max_length=64)


class AmountByIn(Strict, AmountBy):
    """Other amounts for some persons: by a member of their metadata, or by segment."""

    values: dict[str, Annotated[int, BeforeValidator(_whole), Field(strict=True, gt=0)]] = Field(
        min_length=1, max_length=100, examples=[{"gold": 3000}]
    )


class PersonalizationIn(Strict, Personalization):
    """Words that the provider puts on the card."""


Lasting = Annotated[Duration, Field(gt=timedelta(0))] | None
"""From the day that the person gets it; null: for ever."""


class AlternativeIn(Strict, Alternative):
    """Another product or provider, for the same value. `delivery`: if not the card's own."""

    provider: Annotated[str, AfterValidator(_known)]


class GiftCardIn(Labelled):
    """A gift card ordered from a provider; `amount` is its face value."""

    kind: Literal["gift_card"]
    provider: Annotated[str, AfterValidator(_known)]
    product_id: str = Field(min_length=1, max_length=100)
    amount: Amount
    amount_by: AmountByIn | None = None
    currency: Currency | None = None
    delivery: Delivery = Delivery.EMAIL
    alternatives: list[AlternativeIn] = Field(
        default=[],
        max_length=5,
        description="Ordered instead, in turn, after a definite refusal; never in doubt.",
    )
    personalization: PersonalizationIn = PersonalizationIn()


class GiftCreditsIn(Labelled):
    """Money on the person's wallet."""

    kind: Literal["gift_credits"]
    amount: Amount
    amount_by: AmountByIn | None = None
    currency: Currency | None = None
    valid_for: Lasting = None


class LoyaltyPointsIn(Labelled):
    """Points on the person's wallet."""

    kind: Literal["loyalty_points"]
    points: Points
    amount_by: AmountByIn | None = None
    valid_for: Lasting = None


class DiscountCouponIn(Labelled):
    """A code of the person's own, with a discount on a later order."""

    kind: Literal["discount_coupon"]
    discount: DiscountIn
    uses: int = Field(default=1, strict=True, ge=1, le=1_000_000)
    valid_for: Lasting = None
    prefix: Annotated[FixedText, Field(max_length=32)] = Field(default="", examples=["THANKS-"])


class CustomIn(Labelled):
    """A signed HTTP callout to whoever gives the reward. `secret` is kept encrypted and never
    answered; `secret_id`, which is, names one that was given before."""

    kind: Literal["custom"]
    name: str = Field(min_length=1, max_length=200)
    url: TargetUrl
    secret: Annotated[str, AfterValidator(_signing)] | None = Field(
        default=None, examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]
    )
    secret_id: str | None = Field(default=None, max_length=64)
    data: Metadata = Field(default={})

    @model_validator(mode="after")
    def _is_signed(self) -> CustomIn:
        if (self.secret is None) == (self.secret_id is None):
            raise ValueError("give either secret or secret_id")
        return self


class ReferenceIn(Strict):
    """A reusable reward, as it is now: later edits of it do not touch what was created."""

    reward_id: str = Field(max_length=64, examples=["rew_01jd3v5q8g6w2x4y7z9a1b3c5d"])


def _kind(given: Any) -> Any:
    """Read Voucherify's `type` as a kind."""
    if not isinstance(given, dict):
        return given
    reward = {name: value for name, value in given.items() if name != "related_object_parent"}
    kind, type = reward.get("kind"), reward.pop("type", None)
    if kind is None and type is not None:
        kind = reward["kind"] = _KINDS.get(str(type), type)
    # Voucherify counts points in `amount`; so does our own answer, beside `points`.
    if kind == "loyalty_points" and "amount" in reward:
        amount = reward.pop("amount")
        reward.setdefault("points", amount)
    return reward


def _tag(given: Any) -> Any:
    if not isinstance(given, dict):
        return getattr(given, "kind", "reference")
    return given.get("kind") or ("reference" if given.get("reward_id") else None)


KindIn = GiftCardIn | GiftCreditsIn | LoyaltyPointsIn | DiscountCouponIn | CustomIn
"""A definition, whole."""

RewardIn = Annotated[
    Annotated[
        Annotated[GiftCardIn, Tag("gift_card")]
        | Annotated[GiftCreditsIn, Tag("gift_credits")]
        | Annotated[LoyaltyPointsIn, Tag("loyalty_points")]
        | Annotated[DiscountCouponIn, Tag("discount_coupon")]
        | Annotated[CustomIn, Tag("custom")]
        | Annotated[ReferenceIn, Tag("reference")],
        Discriminator(_tag),
    ],
    BeforeValidator(_kind),
]
"""A definition, or `{"reward_id"}` of a reusable one."""
