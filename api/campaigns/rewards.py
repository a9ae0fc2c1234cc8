"""Rewards as they travel: Guerdon's kinds, and Voucherify's two types of referee reward."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field

from api.fields import Strict
from domain.money import Currency
from domain.rewards import Delivery, LoyaltyPoints, Personalization, Reward, reward_of
from providers.registry import KNOWN

_VOUCHERIFY = {"GIFT_VOUCHER": "gift_credits", "LOYALTY_CARD": "loyalty_points"}
_TYPES: dict[str, Any] = {kind: type for type, kind in _VOUCHERIFY.items()}
_LATER = ("discount_coupon", "custom")


def _known(provider: str) -> str:
    if provider not in KNOWN:
        raise ValueError(f"not a provider that Guerdon knows: {', '.join(sorted(KNOWN))}")
    return provider


def _whole(value: Any) -> Any:
    """Voucherify's SDK sends digits in a string."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 18:
        return int(value)
    return value


Amount = Annotated[
    int,
    BeforeValidator(_whole),
    Field(strict=True, gt=0, le=10_000_000, description="Minor units.", examples=[1500]),
]
Points = Annotated[
    int, BeforeValidator(_whole), Field(strict=True, gt=0, le=100_000_000, examples=[500])
]


class PersonalizationIn(Strict):
    """Words that the provider puts on the card."""

    from_name: str | None = Field(default=None, max_length=100)
    from_email: str | None = Field(default=None, max_length=254)
    message: str | None = Field(default=None, max_length=1000)


class GiftCardIn(Strict):
    """A gift card ordered from a provider; `amount` is its face value."""

    kind: Literal["gift_card"]
    provider: Annotated[str, AfterValidator(_known)]
    product_id: str = Field(min_length=1, max_length=100)
    amount: Amount
    currency: Currency | None = None
    delivery: Delivery = Delivery.EMAIL
    personalization: PersonalizationIn = PersonalizationIn()


class GiftCreditsIn(Strict):
    """Money on the person's wallet."""

    kind: Literal["gift_credits"]
    amount: Amount
    currency: Currency | None = None


class LoyaltyPointsIn(Strict):
    """Points on the person's wallet."""

    kind: Literal["loyalty_points"]
    points: Points


def _kind(given: Any) -> Any:
    """Read Voucherify's `type` as a kind, and say plainly which kinds are still to come."""
    if not isinstance(given, dict):
        return given
    reward = {name: value for name, value in given.items() if name != "related_object_parent"}
    kind, type = reward.get("kind"), reward.pop("type", None)
    if kind in _LATER or "reward_id" in reward:
        raise ValueError(f"{kind or 'reward_id'} is not supported yet")
    if kind is None:
        kind = reward["kind"] = _VOUCHERIFY.get(str(type), type)
    # Voucherify counts points in `amount`; so does our own answer, beside `points`.
    if kind == "loyalty_points" and "amount" in reward:
        amount = reward.pop("amount")
        reward.setdefault("points", amount)
    return reward


RewardIn = Annotated[
    Annotated[GiftCardIn | GiftCreditsIn | LoyaltyPointsIn, Field(discriminator="kind")],
    BeforeValidator(_kind),
]


def to_reward(given: GiftCardIn | GiftCreditsIn | LoyaltyPointsIn, currency: str) -> Reward:
    """The domain's reward; `currency` stands in where the body names none."""
    document = given.model_dump(exclude_none=True)
    if not isinstance(given, LoyaltyPointsIn):
        document.setdefault("currency", currency)
    return reward_of(document)


class RefereeReward(BaseModel):
    """A referee's reward as Voucherify shows it, `amount` in a string, with Guerdon's members."""

    kind: str
    type: Literal["GIFT_VOUCHER", "LOYALTY_CARD"] | None
    """Null for a gift card, which Voucherify does not have."""
    amount: str = Field(examples=["1500"])
    points: int | None = None
    currency: str | None = None
    provider: str | None = None
    product_id: str | None = None
    delivery: Delivery | None = None
    personalization: Personalization | None = None

    @classmethod
    def of(cls, reward: Reward) -> RefereeReward:
        members = reward.model_dump()
        amount = reward.points if isinstance(reward, LoyaltyPoints) else reward.amount
        return cls(**members | {"type": _TYPES.get(reward.kind), "amount": str(amount)})
