"""Bodies about rollbacks: redemptions that were undone."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from api.customers.schemas import SimpleCustomer
from api.http.fields import MAX_MINOR, with_examples
from api.http.ids import CustomerId, VoucherId
from api.http.masking import About, OwnId, Words
from api.redemptions.orders import RedeemedOrder
from api.referrals.schemas import ReferralRef
from api.vouchers.schemas import VoucherAnswer
from domain.customers import Metadata
from domain.refusals import NotFound
from store.redemptions.queries import RedemptionRead


class RollbackIn(BaseModel):
    """Why, and how much of the order was refunded; left out, all of it."""

    model_config = with_examples({"reason": "Order returned", "amount": 1500})

    amount: Annotated[int, Field(strict=True, gt=0, le=MAX_MINOR)] | None = Field(
        default=None, description="The refunded part of the order's value, minor units."
    )
    reason: str | None = Field(default=None, max_length=1000)
    tracking_id: str | None = Field(default=None, max_length=255)
    metadata: Metadata = {}


class RollbackAnswer(BaseModel):
    """A redemption that was undone."""

    id: str = Field(examples=["rr_01jd3v5q8g6w2x4y7z9a1b3c5d"])
    object: Literal["redemption_rollback"] = "redemption_rollback"
    date: datetime
    redemption: str = Field(examples=["r_01jd3v5q8g6w2x4y7z9a1b3c5d"])
    customer_id: CustomerId | None
    tracking_id: OwnId = Field(examples=["user-1"])
    metadata: About
    amount: int = Field(
        description="How much of the order was refunded, minor units.", examples=[4000]
    )
    reason: Words = Field(examples=["The goods came back."])
    result: Literal["SUCCESS"] = "SUCCESS"
    status: Literal["SUCCEEDED"] = "SUCCEEDED"
    order: RedeemedOrder
    customer: SimpleCustomer | None
    related_object_type: Literal["voucher"] = "voucher"
    related_object_id: VoucherId | None
    voucher: VoucherAnswer | None
    referral: ReferralRef | None

    @classmethod
    def of(cls, read: RedemptionRead) -> RollbackAnswer:
        rollback, redemption = read.rollback, read.redemption
        if rollback is None:
            raise NotFound("rollback of redemption", redemption.id)
        return cls(
            id=rollback.id,
            date=rollback.created_at,
            redemption=redemption.id,
            customer_id=redemption.customer_id,
            tracking_id=rollback.tracking_id,
            metadata=rollback.attributes,
            amount=rollback.amount,
            reason=rollback.reason,
            order=RedeemedOrder.of(read),
            customer=SimpleCustomer.model_validate(read.customer) if read.customer else None,
            related_object_id=redemption.voucher_id,
            voucher=VoucherAnswer.of(read.voucher) if read.voucher else None,
            referral=ReferralRef.of(read.referral) if read.referral else None,
        )


class RollbacksAnswer(BaseModel):
    """The rollback, in the shape of Voucherify's stackable answer."""

    rollbacks: list[RollbackAnswer]
    parent_rollback: None = None
    order: RedeemedOrder
