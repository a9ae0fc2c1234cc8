"""Bodies about redemptions."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, computed_field, field_validator

from api.access import Caller
from api.customers.schemas import SimpleCustomer
from api.fields import MAX_MINOR, MinorUnits, NamedPerson
from api.lists import Listed
from api.referrals.schemas import ReferralRef
from api.vouchers.schemas import VoucherAnswer
from domain.customers import Metadata
from store.reading.redemptions import RedemptionRead

Status = Literal["CREATED", "PAID", "CANCELED", "FULFILLED"]
Count = Annotated[int, Field(strict=True, ge=0, le=1_000_000)]


class RedeemableIn(BaseModel):
    """The code. Guerdon redeems one code at a time."""

    object: Literal["voucher"] = "voucher"
    id: str = Field(min_length=1, max_length=200, examples=["REF-8KZQ7WXP"])
    gift: None = None
    reward: None = None


class OrderItemIn(BaseModel, extra="allow"):
    """A line of the order. Only its sum counts; the rest is kept as it came."""

    amount: MinorUnits | None = None
    price: MinorUnits | None = None
    quantity: Count | None = None

    def total(self) -> int:
        """The line's own amount, or price times quantity; minor units."""
        if self.amount is not None:
            return self.amount
        return (self.price or 0) * (1 if self.quantity is None else self.quantity)


class OrderIn(BaseModel):
    """The order at checkout. `amount` is in minor units; left out, it is the sum of the items."""

    id: str | None = Field(default=None, max_length=255)
    source_id: str | None = Field(default=None, max_length=255)
    status: Status | None = None
    amount: MinorUnits | None = Field(default=None, examples=[4000])
    items: list[OrderItemIn] | None = Field(default=None, max_length=500)
    metadata: Metadata = {}

    @field_validator("items")
    @classmethod
    def _adds_up(cls, items: list[OrderItemIn] | None) -> list[OrderItemIn] | None:
        if sum(item.total() for item in items or []) > MAX_MINOR:
            raise ValueError(f"the items come to more than {MAX_MINOR} minor units")
        return items

    def total(self) -> int:
        """The order's value before the discount, minor units."""
        if self.amount is not None:
            return self.amount
        return sum(item.total() for item in self.items or [])


class RedemptionIn(BaseModel):
    """A customer uses a code on an order. The order's id makes the use the same when repeated;
    without one `tracking_id` or the Idempotency-Key does."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "redeemables": [{"object": "voucher", "id": "REF-8KZQ7WXP"}],
                    "customer": {"source_id": "user-3"},
                    "order": {"source_id": "order-78", "amount": 4000},
                }
            ]
        }
    )

    redeemables: list[RedeemableIn] = Field(min_length=1, max_length=1)
    customer: NamedPerson
    order: OrderIn | None = None
    tracking_id: str | None = Field(default=None, min_length=1, max_length=255)
    metadata: Metadata = {}
    session: None = None


class RedeemedOrder(BaseModel):
    """The order, with what the code took off."""

    id: str | None
    object: Literal["order"] = "order"
    source_id: str | None
    status: Status | None
    amount: int
    initial_amount: int
    discount_amount: int
    total_discount_amount: int
    total_amount: int = Field(description="What is left to pay.")
    applied_discount_amount: int
    total_applied_discount_amount: int
    items: list[dict[str, Any]] | None
    metadata: dict[str, Any]
    customer_id: str
    referrer_id: str

    @classmethod
    def of(cls, read: RedemptionRead) -> RedeemedOrder:
        redemption, order = read.redemption, read.redemption.order or {}
        off = redemption.discount_amount
        return cls(
            id=order.get("id"),
            source_id=redemption.order_source_id,
            status=order.get("status"),
            amount=redemption.amount,
            initial_amount=redemption.amount,
            discount_amount=off,
            total_discount_amount=off,
            total_amount=redemption.amount - off,
            applied_discount_amount=off,
            total_applied_discount_amount=off,
            items=order.get("items"),
            metadata=order.get("metadata") or {},
            customer_id=redemption.customer_id,
            referrer_id=read.referral.referrer_id,
        )


class RedemptionAnswer(BaseModel):
    """One use of a code."""

    id: str
    object: Literal["redemption"] = "redemption"
    date: datetime
    customer_id: str
    tracking_id: str | None
    metadata: dict[str, Any]
    amount: int
    result: Literal["SUCCESS"] = "SUCCESS"
    status: Literal["SUCCEEDED"] = "SUCCEEDED"
    order: RedeemedOrder
    customer: SimpleCustomer
    related_object_type: Literal["voucher"] = "voucher"
    related_object_id: str
    voucher: VoucherAnswer
    referral: ReferralRef

    @classmethod
    def of(cls, read: RedemptionRead, caller: Caller) -> RedemptionAnswer:
        redemption = read.redemption
        return cls(
            id=redemption.id,
            date=redemption.created_at,
            customer_id=redemption.customer_id,
            tracking_id=redemption.tracking_id,
            metadata=redemption.attributes,
            amount=redemption.amount,
            order=RedeemedOrder.of(read),
            customer=SimpleCustomer.of(read.customer, caller),
            related_object_id=redemption.voucher_id,
            voucher=VoucherAnswer.of(read.voucher),
            referral=ReferralRef.of(read.referral),
        )


class RedeemedAnswer(BaseModel):
    """The redemption, in the shape of Voucherify's stackable answer."""

    redemptions: list[RedemptionAnswer]
    parent_redemption: None = None
    order: RedeemedOrder
    inapplicable_redeemables: list[Any] = []
    skipped_redeemables: list[Any] = []


class RedemptionList(Listed[RedemptionAnswer]):
    """Redemptions, under `data` and under Voucherify's own name."""

    @computed_field
    def redemptions(self) -> list[RedemptionAnswer]:
        """The same as `data`."""
        return self.data
