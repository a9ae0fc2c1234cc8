"""Rewards: reusable definitions of what a person gets."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from domain.money import Currency, Money


class Delivery(StrEnum):
    """How a gift card reaches the person."""

    EMAIL = "email"
    """The provider mails it to the customer's address."""
    SMS = "sms"
    """The provider texts it to the customer's phone."""
    LINK = "link"
    """The provider answers with a claim link, which Guerdon keeps encrypted."""
    POST = "post"
    """A plastic card, shipped to the customer's postal address."""


class Personalization(BaseModel):
    """Words that the provider puts on the card."""

    model_config = ConfigDict(frozen=True)

    from_name: str | None = Field(default=None, max_length=100)
    from_email: str | None = Field(default=None, max_length=254)
    message: str | None = Field(default=None, max_length=1000)


class GiftCard(BaseModel):
    """A gift card ordered from an outside provider. `amount` is the face value, minor units."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["gift_card"] = "gift_card"
    provider: str
    product_id: str = Field(min_length=1, max_length=100)
    amount: int = Field(gt=0, le=10_000_000)
    currency: Currency
    delivery: Delivery = Delivery.EMAIL
    personalization: Personalization = Personalization()

    @property
    def face(self) -> Money:
        return Money(amount=self.amount, currency=self.currency)


class GiftCredits(BaseModel):
    """Money on the person's own wallet, in minor units."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["gift_credits"] = "gift_credits"
    amount: int = Field(gt=0, le=10_000_000)
    currency: Currency

    @property
    def face(self) -> Money:
        return Money(amount=self.amount, currency=self.currency)


class LoyaltyPoints(BaseModel):
    """Points on the person's own wallet. They are no money and count against no budget."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["loyalty_points"] = "loyalty_points"
    points: int = Field(gt=0, le=100_000_000)

    @property
    def face(self) -> None:
        return None


Reward = Annotated[GiftCard | GiftCredits | LoyaltyPoints, Field(discriminator="kind")]
"""What a tier or a referee reward gives."""

_ADAPTER: TypeAdapter[Reward] = TypeAdapter(Reward)


def reward_of(document: dict[str, Any]) -> Reward:
    """Read a stored reward."""
    return _ADAPTER.validate_python(document)
