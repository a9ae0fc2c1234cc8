"""The bodies that create and change a reusable reward."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, HttpUrl, model_validator

from api.http.fields import Strict, with_examples
from api.rewards.kinds import (
    GiftCreditsIn,
    KindIn,
    LoyaltyPointsIn,
    Points,
    ReferenceIn,
    RewardIn,
)
from domain.customers import Metadata
from domain.refusals import InvalidPayload


class WalletIn(Strict):
    """Voucherify's campaign of cards; Guerdon has a wallet for each person instead, and `id`
    names which: its credits or its points."""

    id: Literal["gift_credits", "loyalty_points"]
    balance: Points
    type: str | None = None


class ParametersIn(Strict):
    """Voucherify's way to define a digital reward."""

    campaign: WalletIn


class AttributesIn(Strict):
    """How it is shown to people."""

    image_url: Annotated[HttpUrl, Field(max_length=2000)] | None = None
    description: str | None = Field(default=None, max_length=2000)


class RewardChangeIn(Strict):
    """What is given replaces; what is not stays. Metadata is replaced whole."""

    model_config = with_examples(
        {"reward": {"kind": "gift_credits", "amount": 1000, "currency": "USD"}}
    )

    name: str | None = Field(default=None, min_length=1, max_length=200)
    reward: RewardIn | None = None
    type: Literal["CAMPAIGN"] | None = None
    parameters: ParametersIn | None = None
    attributes: AttributesIn | None = None
    metadata: Metadata | None = None

    @model_validator(mode="after")
    def _says_it_once(self) -> RewardChangeIn:
        if self.reward and self.parameters:
            raise ValueError("give either reward or parameters")
        return self

    def definition(self) -> tuple[KindIn, str] | None:
        """The reward's new definition, and the member that contains it."""
        if self.parameters:
            return self._from_wallet(self.parameters.campaign), "/parameters/campaign"
        if self.reward is None:
            return None
        if isinstance(self.reward, ReferenceIn):
            raise InvalidPayload("Define the reward; it cannot be a reference.", field="/reward")
        return self.reward, "/reward"

    def _from_wallet(self, wallet: WalletIn) -> KindIn:
        if wallet.id == "gift_credits":
            return GiftCreditsIn(kind="gift_credits", amount=wallet.balance)
        return LoyaltyPointsIn(kind="loyalty_points", points=wallet.balance)


class RewardCreateIn(RewardChangeIn):
    """A reward to be used in campaigns: `reward` in Guerdon's words, or `parameters` in
    Voucherify's."""

    model_config = with_examples(
        {
            "name": "Fifteen dollars at CVS",
            "reward": {
                "kind": "gift_card",
                "provider": "giftcard-partners",
                "product_id": "CVS",
                "amount": 1500,
                "currency": "USD",
            },
        }
    )

    name: str = Field(min_length=1, max_length=200)

    @model_validator(mode="after")
    def _says_what(self) -> RewardCreateIn:
        if not (self.reward or self.parameters):
            raise ValueError("give reward, or parameters")
        return self
