"""What Guerdon asks of a gift-card provider. One adapter a file, on httpx."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Protocol

from pydantic import BaseModel

from domain.money import Money
from domain.orders import OrderRequest, OrderSnapshot
from domain.rewards import Delivery


class Product(BaseModel):
    """A product that can be ordered: fixed values, or any value in a range."""

    id: str
    name: str
    currency: str
    fixed: tuple[Money, ...] = ()
    smallest: Money | None = None
    largest: Money | None = None
    deliveries: frozenset[Delivery]


class GiftCardProvider(Protocol):
    """A gift-card API. Methods raise members of `providers.outcomes` only."""

    name: str
    signals_delivery: bool
    """Does it tell when a card has reached the person? If not, "issued" has to do."""

    async def place_order(self, request: OrderRequest) -> OrderSnapshot:
        """Send exactly one order-creating request; never retry inside."""

    async def get_order(self, provider_order_id: str, currency: str) -> OrderSnapshot:
        """Read one order. Raises NotSent when it cannot be read now."""

    async def find_order(
        self, key: str, currency: str, *, not_before: datetime
    ) -> list[OrderSnapshot]:
        """Every order under a key: none, one, or an incident."""

    def products(self) -> AsyncIterator[Product]:
        """The catalogue, page by page."""

    async def close(self) -> None:
        """Close connections."""
