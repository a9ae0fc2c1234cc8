"""Bodies about reversals."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field, model_validator

from api.http.fields import ExternalId, OrderCurrency, Strict, with_examples
from api.referrals.schemas import ReferralAnswer
from domain.customers import Metadata

MOST = 10**15
"""Minor units; no order is larger."""


class ReversalIn(Strict):
    """What is undone, and why. `metadata.refund_id` is the reversal's identity, else the
    Idempotency-Key: the same one again has no further effect, and with another `amount` is
    refused. A part needs one; without `amount` none is needed."""

    model_config = with_examples(
        {"reason": "The order was sent back."},
        {
            "reason": "One of three items was sent back.",
            "amount": 2500,
            "metadata": {"refund_id": "re_1001"},
        },
    )

    reason: str = Field(min_length=1, max_length=500, description="For the timeline. No names.")
    amount: int | None = Field(
        default=None,
        ge=1,
        le=MOST,
        strict=True,
        description="What was paid back, minor units: a share of what was paid, after discounts. "
        "Up to 1 % above it is all of it. Absent: all of it.",
    )
    order_amount: int | None = Field(
        default=None,
        ge=1,
        le=MOST,
        strict=True,
        description="What was paid for the order, where its event or redemption did not say.",
    )
    currency: OrderCurrency | None = Field(
        default=None, description="Must be the order's, where that is known."
    )
    cause: Literal["refund", "finding"] | None = Field(
        default=None,
        description="`refund`: the same order bought after all brings the referral back. "
        "`finding`, as for fraud: only a person does. Left out, an order's reversal is a refund; a "
        "referral's is one where it names a refund or a part, and else a finding.",
    )
    metadata: Metadata = Field(default={})


class OrderReversalIn(ReversalIn):
    """The same by the order, as whoever refunds it knows it."""

    model_config = with_examples(
        {
            "order_source_id": "order-77",
            "reason": "One of three items was sent back.",
            "amount": 2500,
            "metadata": {"refund_id": "re_1001"},
        }
    )

    order_source_id: ExternalId | None = Field(
        default=None,
        min_length=1,
        description="The order's id, as the shop sent it: `order.source_id`, or where it sent "
        "none, `order.id`.",
    )
    order_id: ExternalId | None = Field(
        default=None, min_length=1, description="Its `order.id`, where that is what is known."
    )
    campaign_id: str | None = Field(
        default=None, max_length=64, description="Only what it converted in this campaign."
    )
    all_campaigns: bool = Field(
        default=False, description="What it converted in every campaign that knows it."
    )

    @model_validator(mode="after")
    def _names_one_order(self) -> OrderReversalIn:
        if (self.order_source_id is None) == (self.order_id is None):
            raise ValueError("give either order_source_id or order_id")
        if self.campaign_id and self.all_campaigns:
            raise ValueError("give either campaign_id or all_campaigns")
        return self


class OrderReversalAnswer(BaseModel):
    """The referrals that the order had converted, as they stand now."""

    object: Literal["reversal"] = "reversal"
    order_source_id: str | None = Field(examples=["order-78"])
    order_id: str | None
    waiting_for_order: bool = Field(
        examples=[False],
        description="No purchase of this order is known yet: the refund is kept, and judged "
        "when it comes.",
    )
    referrals: list[ReferralAnswer]


class OrderAwaited(OrderReversalAnswer):
    """The same of an order that is not known yet."""

    model_config = with_examples(
        {
            "object": "reversal",
            "order_source_id": "order-77",
            "order_id": None,
            "waiting_for_order": True,
            "referrals": [],
        }
    )
