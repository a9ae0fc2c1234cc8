"""Answers about gift-card orders."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from pydantic import Field

from api.http.fields import FromRow
from api.http.ids import (
    CurrencyCode,
    GrantId,
    Minor,
    OrderId,
    OrderKey,
    ProviderName,
    ProviderOrderId,
)
from api.http.lists import Listed
from domain.orders import DeliveryState, OrderState, RedemptionState
from domain.outgoing_csv import csv_text
from store.tables import Order


class OrderAnswer(FromRow):
    """One purchase of a gift card, on three axes: does value exist, did it arrive, was it used."""

    id: OrderId
    object: Literal["gift_card_order"] = "gift_card_order"
    grant_id: GrantId
    provider: ProviderName
    key: OrderKey = Field(
        description="Our idempotency key at the provider, and finance's reference."
    )
    generation: int
    provider_order_id: ProviderOrderId | None
    state: OrderState = Field(examples=["issued"])
    delivery_state: DeliveryState = Field(examples=["delivered"])
    redemption_state: RedemptionState
    raw_status: str | None = Field(description="The provider's own word.", examples=["Complete"])
    face_amount: Minor
    charged_amount: Minor | None = Field(
        description="What the provider took, fee or discount in it."
    )
    charged_currency: CurrencyCode | None = Field(description="The deposit's.")
    currency: CurrencyCode
    attempt: int
    first_sent_at: datetime | None = Field(examples=["2026-11-20T09:30:00Z"])
    issued_at: datetime | None = Field(examples=["2026-11-20T09:30:04Z"])
    created_at: datetime
    updated_at: datetime | None


class OrderList(Listed[OrderAnswer]):
    """Gift-card orders."""


COLUMNS = [name for name in OrderAnswer.model_fields if name != "object"]


def csv_lines(orders: Iterable[Order], *, header: bool) -> str:
    """Orders as CSV lines: ids, amounts and states, no person."""
    rows = (OrderAnswer.model_validate(order).model_dump(mode="json") for order in orders)
    return csv_text(COLUMNS, rows, header=header)
