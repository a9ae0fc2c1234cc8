"""The interface of a gift-card provider. One adapter per file, on httpx."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict

from domain.catalogue import Product as Product
from domain.orders import ClaimSecret, OrderRequest, OrderSnapshot


class Replay(StrEnum):
    """What a provider does with a key that it has seen before, with the same contents."""

    REPLAYS = "replays"
    """It returns the existing order."""
    REFUSES = "refuses"
    """It refuses with KeyAlreadyUsed, which is how a lost answer is recovered."""
    CACHES = "caches"
    """It repeats its first answer, also a 5xx, for as long as the key lives."""


class Capabilities(BaseModel):
    """What a provider can do.

    The resolver of unknown outcomes uses these alone; no provider's name stands outside its own
    file and the registry."""

    model_config = ConfigDict(frozen=True)

    replay: Replay
    signals_delivery: bool
    """Whether it reports that a card has reached the person. If not, "issued" counts as
    delivered."""
    key_life: timedelta | None = None
    """After this the same key buys a second card. None: keys are kept for ever."""
    most_repeats: int | None = None
    """How often a key may be sent in total; after that the order is looked up instead."""
    pause: timedelta = timedelta(0)
    """The shortest time between two requests under one key."""
    can_resend: bool = False
    """Whether a card that did not arrive can be sent again."""
    resends_elsewhere: bool = False
    """Whether it can also be sent to another address. If not, and `can_cancel`, it is cancelled and
    ordered anew."""
    can_cancel: bool = False
    """Whether an unused card can be cancelled."""
    catalogue_life: timedelta = timedelta(days=1)
    """How long its catalogue is valid; it is not fetched more often."""
    lists_by_date: bool = False
    """Whether orders can be listed day by day. If not, each listing reads all of them."""
    requests_per_look: int = 1
    """Requests that one look at an order needs. The queue's rate is divided by it, because the
    queue counts activities and the provider counts requests."""
    lists_rewards: bool = False
    """Whether its list holds rewards instead of orders. An order without a reward, failed or still
    pending, is then missing and has to be looked up."""


def reaches_elsewhere(capabilities: Capabilities) -> bool:
    """Whether a card can reach a corrected address: itself, or as a new order."""
    return capabilities.resends_elsewhere or capabilities.can_cancel


class GiftCardProvider(Protocol):
    """A gift-card API. Methods raise members of `providers.outcomes` only."""

    name: str
    capabilities: Capabilities

    async def place_order(self, request: OrderRequest) -> OrderSnapshot:
        """Send exactly one order-creating request; no retries inside."""

    async def get_order(self, provider_order_id: str, currency: str) -> OrderSnapshot:
        """Read one order. Raises NotSent when it cannot be read now."""

    async def find_order(
        self, key: str, currency: str, *, not_before: datetime
    ) -> list[OrderSnapshot]:
        """Every order under a key: none, one, or (an incident) several."""

    def list_orders(self, since: datetime, until: datetime) -> AsyncIterator[OrderSnapshot]:
        """Orders created in [since, until), page by page, for reconciliation. Includes orders whose
        time the provider does not show."""

    def products(self) -> AsyncIterator[Product]:
        """The catalogue, page by page."""

    async def close(self) -> None:
        """Close connections."""


@runtime_checkable
class LinksOnDemand(Protocol):
    """A provider that shows a claim link only once, and later only on request."""

    async def fresh_link(self, provider_order_id: str) -> ClaimSecret:
        """A link for an order whose first one was never stored. Raises NotSent."""


@runtime_checkable
class NamesRewards(Protocol):
    """A provider whose webhooks name a reward instead of its order."""

    async def order_id_of(self, reward_id: str) -> str:
        """The order of a reward. Raises NotSent."""


@runtime_checkable
class Cancels(Protocol):
    """A provider that can cancel an issued card: `can_cancel`."""

    async def cancel(self, provider_order_id: str) -> bool:
        """Cancel the card.

        True also when it was cancelled before. False when it cannot be, because it is used or too
        old. Where `resends_elsewhere` is False, True must be certain: another card is ordered then.
        """


@runtime_checkable
class Resends(Protocol):
    """A provider that sends an issued card again: `can_resend`."""

    async def resend(self, provider_order_id: str, email: str | None) -> None:
        """Deliver the card again, to `email` if given, which may differ only where
        `resends_elsewhere`.

        Raises OrderRejected for a definite refusal, and other members of `providers.outcomes` where
        a retry may help."""
