"""Rewards: reusable definitions of what a person gets.

A campaign's version contains a copy of each definition, and a grant a copy of its own with the
amount decided: later edits change nothing that was promised."""

from __future__ import annotations

from abc import abstractmethod
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from domain.amounts import AmountBy, Traits
from domain.dates import InDays
from domain.discounts import Discount
from domain.money import Currency, Money

MOST_MINOR, MOST_POINTS = 10_000_000, 100_000_000
Amount = Annotated[int, Field(gt=0, le=MOST_MINOR)]
"""Minor units."""
Points = Annotated[int, Field(gt=0, le=MOST_POINTS)]
Lasting = Annotated[InDays, Field(gt=timedelta(0), le=timedelta(days=3650))] | None
"""From the day that the person gets it; None: for ever."""


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


def _absent(value: Any) -> bool:
    return value is None or value is False


class Definition(BaseModel):
    """What every kind has. `quantity` is what a grant of it counts: minor units, points, or one."""

    model_config = ConfigDict(frozen=True)

    reward_id: str | None = Field(default=None, exclude_if=_absent)
    """The reusable definition that it was copied from."""

    @property
    def face(self) -> Money | None:
        """Its monetary value, which counts against a budget."""
        return None

    @property
    def quantity(self) -> int:
        return 1

    @property
    @abstractmethod
    def words(self) -> str:
        """What it is, for people."""

    def least(self) -> Self:
        """The smallest form in which it can be granted."""
        return self

    def settled(self, person: Traits) -> Self:
        """The form for this person."""
        return self


class Sized(Definition):
    """A reward with an amount, which may depend on the person who gets it."""

    SIZE: ClassVar[str] = "amount"
    MOST: ClassVar[int] = MOST_MINOR

    amount_by: AmountBy | None = Field(default=None, exclude_if=_absent)

    @model_validator(mode="after")
    def _amounts_are_sensible(self) -> Self:
        for amount in self.amount_by.values.values() if self.amount_by else ():
            if not 0 < amount <= self.MOST:
                raise ValueError(f"amount_by: {amount} is not between 1 and {self.MOST}")
        return self

    @property
    def quantity(self) -> int:
        return int(getattr(self, self.SIZE))

    def least(self) -> Self:
        values = self.amount_by.values.values() if self.amount_by else ()
        return self._of(min([self.quantity, *values]))

    def settled(self, person: Traits) -> Self:
        found = self.amount_by.amount_for(person) if self.amount_by else None
        return self._of(self.quantity if found is None else found)

    def _of(self, amount: int) -> Self:
        return self.model_copy(update={self.SIZE: amount, "amount_by": None})


class Alternative(BaseModel):
    """Another product, or another provider, for the same value."""

    model_config = ConfigDict(frozen=True)

    provider: str
    product_id: str = Field(min_length=1, max_length=100)
    delivery: Delivery | None = None
    """None: like the original card."""


class GiftCard(Sized):
    """A gift card ordered from an outside provider. `amount` is the face value, minor units."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "gift_card",
                    "provider": "giftcard-partners",
                    "product_id": "CVS",
                    "amount": 1500,
                    "currency": "USD",
                    "delivery": "email",
                }
            ]
        }
    )

    kind: Literal["gift_card"] = "gift_card"
    provider: str
    product_id: str = Field(min_length=1, max_length=100)
    amount: Amount
    currency: Currency
    delivery: Delivery = Delivery.EMAIL
    personalization: Personalization = Personalization()
    fixed_value: bool = Field(default=False, exclude_if=_absent)
    """Sold in this value only: a refund or a debt cannot reduce it."""
    alternatives: tuple[Alternative, ...] = Field(default=(), exclude_if=lambda given: not given)
    """Cards to order instead, in this order, after a definite refusal."""

    def instead(self) -> GiftCard | None:
        """The next alternative; None if there is none left."""
        if not self.alternatives:
            return None
        first, *rest = self.alternatives
        return self.model_copy(
            update={
                "provider": first.provider,
                "product_id": first.product_id,
                "delivery": first.delivery or self.delivery,
                "alternatives": tuple(rest),
                "fixed_value": False,
            }
        )

    @property
    def face(self) -> Money:
        return Money(amount=self.amount, currency=self.currency)

    @property
    def words(self) -> str:
        return f"gift card of {self.face}"


class GiftCredits(Sized):
    """Money on the person's own wallet, in minor units."""

    kind: Literal["gift_credits"] = "gift_credits"
    amount: Amount
    currency: Currency
    valid_for: Lasting = Field(default=None, exclude_if=_absent)
    """The rest then expires."""

    @property
    def face(self) -> Money:
        return Money(amount=self.amount, currency=self.currency)

    @property
    def words(self) -> str:
        return f"gift credits of {self.face}"


class LoyaltyPoints(Sized):
    """Points on the person's own wallet. They are no money and count against no budget."""

    SIZE: ClassVar[str] = "points"
    MOST: ClassVar[int] = MOST_POINTS

    kind: Literal["loyalty_points"] = "loyalty_points"
    points: Points
    valid_for: Lasting = Field(default=None, exclude_if=_absent)
    """The rest then expires."""

    @property
    def words(self) -> str:
        return f"{self.points} points"


class DiscountCoupon(Definition):
    """A code of the person's own, which takes a discount off a later order. It costs nothing until
    it is used, and counts against no budget."""

    kind: Literal["discount_coupon"] = "discount_coupon"
    discount: Discount
    uses: int = Field(default=1, ge=1, le=1_000_000)
    valid_for: Lasting = None
    prefix: str = Field(default="", max_length=32)

    @property
    def words(self) -> str:
        return "discount coupon"


class CustomReward(Definition):
    """An HTTP callout to the system that gives the reward. `data` is sent unchanged."""

    kind: Literal["custom"] = "custom"
    name: str = Field(min_length=1, max_length=200)
    url: str = Field(max_length=2000)
    secret_id: str
    """The signing secret, which is kept encrypted."""
    data: dict[str, Any] = {}

    @property
    def words(self) -> str:
        return f"custom reward {self.name!r}"


Reward = Annotated[
    GiftCard | GiftCredits | LoyaltyPoints | DiscountCoupon | CustomReward,
    Field(discriminator="kind"),
]
"""What a tier or a referee reward gives."""

_ADAPTER: TypeAdapter[Reward] = TypeAdapter(Reward)


def reward_of(document: dict[str, Any]) -> Reward:
    """Read a stored reward."""
    return _ADAPTER.validate_python(document)
