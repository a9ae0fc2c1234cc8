"""Bodies about redemptions."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, computed_field

from api.customers.schemas import SimpleCustomer
from api.http.fields import FromRow, Given, NamedPerson, with_examples
from api.http.ids import CustomerId, VoucherId
from api.http.lists import Listed
from api.http.masking import About, OwnId
from api.redemptions.orders import OrderIn, RedeemedOrder
from api.referrals.schemas import ReferralRef
from api.vouchers.schemas import VoucherAnswer
from domain.campaigns import ConversionKind
from domain.customers import Metadata
from domain.referrals import Expectation
from store.redemptions.queries import RedemptionRead
from store.referrals.purchases import orders_of_row

Result = Literal["SUCCESS", "FAILURE"]


class RedeemableIn(BaseModel):
    """The code. Guerdon redeems one code at a time."""

    object: Literal["voucher"] = "voucher"
    id: str = Field(min_length=1, max_length=200, examples=["REF-8KZQ7WXP"])
    gift: None = None
    reward: None = None


class RedemptionIn(BaseModel):
    """A customer uses a code on an order. The order's id makes the use the same when repeated;
    without one `tracking_id` or the Idempotency-Key does."""

    model_config = with_examples(
        {
            "redeemables": [{"object": "voucher", "id": "REF-8KZQ7WXP"}],
            "customer": {"source_id": "user-3"},
            "order": {"source_id": "order-78", "amount": 4000},
        }
    )

    redeemables: list[RedeemableIn] = Field(min_length=1, max_length=1)
    customer: NamedPerson
    order: Annotated[OrderIn | None, Given] = None
    tracking_id: Annotated[str | None, Given] = Field(default=None, min_length=1, max_length=255)
    metadata: Metadata = {}
    session: None = None


class VoucherRedemptionIn(BaseModel):
    """The same for the code in the path, as older clients of Voucherify send it."""

    model_config = with_examples(
        {"customer": {"source_id": "user-3"}, "order": {"id": "order-78", "amount": 4000}}
    )

    customer: NamedPerson
    order: Annotated[OrderIn | None, Given] = None
    tracking_id: Annotated[str | None, Given] = Field(default=None, min_length=1, max_length=255)
    metadata: Metadata = {}

    def of_code(self, code: str) -> RedemptionIn:
        """As a redemption of one code."""
        return RedemptionIn(redeemables=[RedeemableIn(object="voucher", id=code)], **dict(self))


class RelatedRollback(FromRow):
    """What undid a redemption."""

    id: str = Field(examples=["rr_01jd3v5q8g6w2x4y7z9a1b3c5d"])
    date: datetime = Field(validation_alias="created_at")
    amount: int = Field(
        description="How much of the order was refunded, minor units.", examples=[3600]
    )


class Related(BaseModel):
    """What became of a redemption."""

    rollbacks: list[RelatedRollback]


class RedemptionAnswer(BaseModel):
    """One use of a code, or one that was refused (`FAILURE`) and consumed nothing: that may be
    about a code or a customer that does not exist."""

    id: str = Field(examples=["r_01jd3v5q8g6w2x4y7z9a1b3c5d"])
    object: Literal["redemption"] = "redemption"
    date: datetime
    customer_id: CustomerId | None
    tracking_id: OwnId
    metadata: About
    amount: int = Field(examples=[4000])
    result: Result
    status: Literal["SUCCEEDED", "FAILED", "ROLLED_BACK"]
    failure_code: str | None = Field(description="The key of the refusal.")
    failure_message: str | None
    related_redemptions: Related | None = Field(examples=[None])
    order: RedeemedOrder
    customer: SimpleCustomer | None
    related_object_type: Literal["voucher"] = "voucher"
    related_object_id: VoucherId | None
    voucher: VoucherAnswer | None
    referral: ReferralRef | None

    @classmethod
    def of(cls, read: RedemptionRead) -> RedemptionAnswer:
        redemption = read.redemption
        failed = redemption.failure_code is not None
        undone = read.rollback is not None and read.rollback.whole
        undoing = read.rollback and RelatedRollback.model_validate(read.rollback)
        return cls(
            id=redemption.id,
            date=redemption.created_at,
            customer_id=redemption.customer_id,
            tracking_id=redemption.tracking_id,
            metadata=redemption.attributes,
            amount=redemption.amount,
            result="FAILURE" if failed else "SUCCESS",
            status="FAILED" if failed else "ROLLED_BACK" if undone else "SUCCEEDED",
            failure_code=redemption.failure_code,
            failure_message=redemption.failure_message,
            related_redemptions=undoing and Related(rollbacks=[undoing]),
            order=RedeemedOrder.of(read),
            customer=SimpleCustomer.model_validate(read.customer) if read.customer else None,
            related_object_id=redemption.voucher_id,
            voucher=VoucherAnswer.of(read.voucher) if read.voucher else None,
            referral=_referral(read),
        )


class RedeemedAnswer(BaseModel):
    """The redemption, in the shape of Voucherify's stackable answer."""

    redemptions: list[RedemptionAnswer]
    rewarded: bool = Field(description="Whether a reward is to be expected.")
    why_not: str | None = Field(description="Why none is, in words.")
    parent_redemption: None = None
    order: RedeemedOrder
    inapplicable_redeemables: list[Any] = []
    skipped_redeemables: list[Any] = []


def expected_of(read: RedemptionRead) -> Expectation:
    """Whether a reward can be expected from this use."""
    referral = _referral(read)
    if referral is None:
        return Expectation(False, "A discount coupon refers nobody.")
    return Expectation(referral.rewarded, referral.why_not)


def _referral(read: RedemptionRead) -> ReferralRef | None:
    """In a redemption campaign, a use that did not convert the referral earns nothing more."""
    if read.referral is None:
        return None
    converts = (read.referral.conversion or {}).get("event") == ConversionKind.REDEMPTION
    same = set(orders_of_row(read.redemption).keys) & set(orders_of_row(read.referral).keys)
    other = read.redemption.identity if converts and not same else None
    return ReferralRef.of(read.referral, event_id=other)


class RedemptionList(Listed[RedemptionAnswer]):
    """Redemptions, under `data` and under Voucherify's own name."""

    @computed_field
    def redemptions(self) -> list[RedemptionAnswer]:
        """The same as `data`."""
        return self.data
