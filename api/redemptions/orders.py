"""The order at checkout: as it is given, and with the code's discount."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, field_validator

from api.http.fields import (
    MAX_MINOR,
    ExternalId,
    Given,
    MinorUnits,
    OrderCurrency,
    must_be_short,
)
from api.http.ids import CustomerId, ReferrerId
from api.http.masking import About, Items
from domain.customers import Metadata
from domain.discounts import Line
from domain.purchases import OrderIds, order_ids
from store.redemptions.queries import RedemptionRead

Status = Literal["CREATED", "PAID", "CANCELED", "FULFILLED"]
Count = Annotated[int, Field(strict=True, ge=0, le=1_000_000)]
ProductId = Annotated[str, Field(max_length=255)]


class OrderItemIn(BaseModel, extra="allow"):
    """A line of the order. Its sum counts, and for free units its product; the rest is kept as
    it came."""

    product_id: ProductId | None = None
    sku_id: ProductId | None = None
    source_id: ProductId | None = None
    amount: MinorUnits | None = None
    price: MinorUnits | None = None
    quantity: Count | None = None

    @property
    def metadata(self) -> dict[str, Any]:
        """The line's own metadata."""
        given = (self.model_extra or {}).get("metadata")
        return given if isinstance(given, dict) else {}

    def total(self) -> int:
        """The line's amount, or price times quantity; minor units."""
        if self.amount is not None:
            return self.amount
        return (self.price or 0) * self._units()

    def line(self) -> Line:
        """The same, for computing discounts."""
        ids = frozenset(id for id in (self.product_id, self.sku_id, self.source_id) if id)
        units = self._units()
        price = (self.amount or 0) // max(units, 1) if self.price is None else self.price
        return Line(ids, units, price)

    def _units(self) -> int:
        return 1 if self.quantity is None else self.quantity


class ReferrerIn(BaseModel):
    """A holder of the code."""

    id: str | None = Field(default=None, max_length=64)
    source_id: str | None = Field(default=None, max_length=255)


class OrderIn(BaseModel):
    """The order at checkout. `amount` is what it comes to before the code's discount, in minor
    units; left out, it is the sum of the items."""

    id: Annotated[ExternalId | None, Given] = None
    source_id: Annotated[ExternalId | None, Given] = None
    status: Annotated[Status | None, Given] = None
    amount: MinorUnits | None = Field(default=None, examples=[4000])
    total_amount: MinorUnits | None = Field(
        default=None,
        examples=[3600],
        description="In an event: what was paid, after discounts. Refunds are shares of it.",
    )
    currency: Annotated[OrderCurrency | None, Given] = None
    items: list[OrderItemIn] | None = Field(default=None, max_length=500)
    referrer_id: str | None = Field(
        default=None,
        max_length=255,
        description="Which of several holders of the code is rewarded, by `id` or `source_id`.",
    )
    referrer: Annotated[ReferrerIn | None, Given] = Field(
        default=None, description="The same, as Voucherify's clients send it."
    )
    metadata: Metadata = {}

    @property
    def named_referrer(self) -> str | None:
        """The holder that the order names."""
        given = self.referrer and (self.referrer.id or self.referrer.source_id)
        return self.referrer_id or given or None

    @field_validator("items")
    @classmethod
    def _adds_up(cls, items: list[OrderItemIn] | None) -> list[OrderItemIn] | None:
        if sum(item.total() for item in items or []) > MAX_MINOR:
            raise ValueError(f"the items come to more than {MAX_MINOR} minor units")
        return items

    def ids(self, metadata: dict[str, Any] | None = None) -> OrderIds:
        """Every id of the order; `metadata`: of the event, which may also name it."""
        said = metadata or {}
        must_be_short(said, "order_source_id", "order_id")
        return order_ids(
            [self.source_id, said.get("order_source_id")], [self.id, said.get("order_id")]
        )

    def total(self) -> int:
        """The order's value before the discount, minor units."""
        if self.amount is not None:
            return self.amount
        return sum(item.total() for item in self.items or [])

    @property
    def is_priced(self) -> bool:
        """Whether it has an amount. An order without any amount is not an order of 0."""
        items = self.items or []
        return self.amount is not None or any(
            item.amount is not None or item.price is not None for item in items
        )

    def lines(self) -> list[Line]:
        """The items, for computing discounts."""
        return [item.line() for item in self.items or []]


class RedeemedOrder(BaseModel):
    """The order, with what the code took off."""

    id: str | None
    object: Literal["order"] = "order"
    source_id: str | None = Field(examples=["order-78"])
    status: Status | None = Field(examples=["PAID"])
    amount: int = Field(examples=[4000])
    initial_amount: int = Field(examples=[4000])
    discount_amount: int = Field(examples=[400])
    total_discount_amount: int = Field(examples=[400])
    total_amount: int = Field(description="What is left to pay.", examples=[3600])
    applied_discount_amount: int = Field(examples=[400])
    total_applied_discount_amount: int = Field(examples=[400])
    items: Items = Field(examples=[None])
    metadata: About
    customer_id: CustomerId | None
    referrer_id: ReferrerId | None

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
            referrer_id=read.referral.referrer_id if read.referral else None,
        )
