"""Answers about gift-card orders."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from api.http.lists import Listed
from domain.orders import DeliveryState, OrderState, RedemptionState
from domain.outgoing_csv import csv_text
from store.tables import Order


class OrderAnswer(BaseModel):
    """One purchase of a gift card, on three axes: does value exist, did it arrive, was it used."""

    id: str
    object: Literal["gift_card_order"] = "gift_card_order"
    grant_id: str
    provider: str
    key: str = Field(description="Our idempotency key at the provider, and finance's reference.")
    generation: int
    provider_order_id: str | None
    state: OrderState
    delivery_state: DeliveryState
    redemption_state: RedemptionState
    raw_status: str | None = Field(description="The provider's own word.")
    face_amount: int
    charged_amount: int | None = Field(description="What the provider took, fee or discount in it.")
    charged_currency: str | None = Field(description="The deposit's.")
    currency: str
    attempt: int
    first_sent_at: datetime | None
    issued_at: datetime | None
    created_at: datetime
    updated_at: datetime | None

    @classmethod
    def of(cls, order: Order) -> OrderAnswer:
        return cls(**order.model_dump(include=set(cls.model_fields) - {"object"}))


class OrderList(Listed[OrderAnswer]):
    """Gift-card orders."""


COLUMNS = [name for name in OrderAnswer.model_fields if name != "object"]


def csv_lines(orders: Iterable[Order], *, header: bool) -> str:
    """Orders as CSV lines: ids, amounts and states, no person."""
    rows = (OrderAnswer.of(order).model_dump(mode="json") for order in orders)
    return csv_text(COLUMNS, rows, header=header)
