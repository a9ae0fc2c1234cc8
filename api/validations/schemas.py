"""Bodies about validations: what redeeming a code would do."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from api.campaigns.schemas import DiscountAnswer, EmptyList
from api.http.ids import CampaignId, CampaignTitle
from api.http.problems import KINDS
from api.redemptions.orders import RedeemedOrder
from api.redemptions.schemas import expected_of
from domain.discounts import Discount
from domain.refusals import Refusal
from store.redemptions.queries import RedemptionRead


class RefusedError(BaseModel):
    """Why the code cannot be used: what redeeming it would answer."""

    code: int
    key: str
    message: str
    details: str
    request_id: str


class ValidationResult(BaseModel):
    """The discount that redeeming would give, or why it would not."""

    discount: DiscountAnswer | None = None
    error: RefusedError | None = Field(default=None, examples=[None])


class ValidatedRedeemable(BaseModel):
    """One code and what became of it."""

    status: Literal["APPLICABLE", "INAPPLICABLE"]
    id: str = Field(examples=["REF-8KZQ7WXP"])
    object: Literal["voucher"] = "voucher"
    order: RedeemedOrder | None = None
    applicable_to: EmptyList = EmptyList()
    inapplicable_to: EmptyList = EmptyList()
    result: ValidationResult
    metadata: dict[str, Any] = {}
    campaign_name: CampaignTitle | None = None
    campaign_id: CampaignId | None = None


class StackingRules(BaseModel):
    """Guerdon redeems one code at a time."""

    redeemables_limit: Literal[1] = 1
    applicable_redeemables_limit: Literal[1] = 1
    redeemables_application_mode: Literal["ALL"] = "ALL"
    redeemables_sorting_rule: Literal["REQUESTED_ORDER"] = "REQUESTED_ORDER"


class ValidationAnswer(BaseModel):
    """Whether the code could be redeemed now, and what the order would then cost. Nothing was
    consumed: redeeming checks again."""

    valid: bool
    redeemables: list[ValidatedRedeemable]
    skipped_redeemables: list[Any] = []
    inapplicable_redeemables: list[ValidatedRedeemable] = Field(examples=[[]])
    order: RedeemedOrder | None = Field(description="Null when the code is inapplicable.")
    rewarded: bool = Field(
        description="Whether a reward would be to be expected: of the redemption, or of the event "
        "that the campaign waits for."
    )
    why_not: str | None = Field(description="Why none would be, in words.")
    tracking_id: str | None
    session: None = None
    stacking_rules: StackingRules = StackingRules()

    @classmethod
    def applicable(
        cls,
        code: str,
        read: RedemptionRead,
        discount: Discount | None,
        tracking_id: str | None,
        *,
        known: bool,
    ) -> ValidationAnswer:
        """`known`: the customer exists; an unknown one has no id to show."""
        order, voucher = RedeemedOrder.of(read), read.voucher
        if not known:
            order.customer_id = None
        one = ValidatedRedeemable(
            status="APPLICABLE",
            id=code,
            order=order,
            result=ValidationResult(discount=DiscountAnswer.of(discount)),
            metadata=voucher.voucher.attributes if voucher else {},
            campaign_name=voucher.campaign.name if voucher else None,
            campaign_id=voucher.campaign.id if voucher else None,
        )
        return cls(
            valid=True,
            redeemables=[one],
            inapplicable_redeemables=[],
            order=order,
            **expected_of(read)._asdict(),
            tracking_id=tracking_id,
        )

    @classmethod
    def inapplicable(
        cls, code: str, refusal: Refusal, request_id: str, tracking_id: str | None
    ) -> ValidationAnswer:
        kind = KINDS[refusal.key]
        error = RefusedError(
            code=kind.status,
            key=refusal.key,
            message=kind.title,
            details=refusal.detail,
            request_id=request_id,
        )
        one = ValidatedRedeemable(
            status="INAPPLICABLE", id=code, result=ValidationResult(error=error)
        )
        return cls(
            valid=False,
            redeemables=[one],
            inapplicable_redeemables=[one],
            order=None,
            rewarded=False,
            why_not=refusal.detail,
            tracking_id=tracking_id,
        )
