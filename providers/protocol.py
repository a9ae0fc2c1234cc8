"""What Guerdon asks of a gift-card provider. One adapter a file, on httpx."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict

from domain.catalogue import Product as Product
from domain.orders import ClaimSecret, OrderRequest, OrderSnapshot


class Replay(StrEnum):
    """What a provider answers to a key that it has seen, with the same contents."""

    REPLAYS = "replays"
    """The existing order."""
    REFUSES = "refuses"
    """A refusal: KeyAlreadyUsed, the success path of a lost answer."""
    CACHES = "caches"
    """Its first answer, whatever that was: also a 5xx, for as long as the key lives."""


class Capabilities(BaseModel):
    """What may be done with a provider. The resolver of unknown outcomes works from these alone;
    no provider's name stands outside its own file and the registry."""

    model_config = ConfigDict(frozen=True)

    replay: Replay
    signals_delivery: bool
    """Does it tell when a card has reached the person? If not, "issued" has to do."""
    key_life: timedelta | None = None
    """After this the same key buys a second card; None: keys are kept for ever."""
    most_repeats: int | None = None
    """How often a key may be sent in all; then the order is looked up instead."""
    pause: timedelta = timedelta(0)
    """The least time between two requests under one key."""
    can_resend: bool = False
    """Can a card that did not arrive be sent again?"""
    resends_elsewhere: bool = False
    """Also to another address? If not, and `can_cancel`, it is taken back and ordered anew."""
    can_cancel: bool = False
    """Can a card be taken back before it is used?"""
    catalogue_life: timedelta = timedelta(days=1)
    """How long its catalogue is good for: it is not asked for more often."""
    lists_by_date: bool = False
    """Can a list of orders be asked for day by day? If not, each listing reads them all."""
    requests_per_look: int = 1
    """What one look at an order takes. The queue's rate is divided by it, for its limit counts
    activities and the provider's counts requests."""
    lists_rewards: bool = False
    """Does its list hold rewards instead of orders? An order that has none, for it failed or is
    still on its way, is not in it, and has to be looked up."""


def reaches_elsewhere(capabilities: Capabilities) -> bool:
    """Can a corrected address be reached: by the same card, or by one ordered in its place?"""
    return capabilities.resends_elsewhere or capabilities.can_cancel


class GiftCardProvider(Protocol):
    """A gift-card API. Methods raise members of `providers.outcomes` only."""

    name: str
    capabilities: Capabilities

    async def place_order(self, request: OrderRequest) -> OrderSnapshot:
        """Send exactly one order-creating request; never retry inside."""

    async def get_order(self, provider_order_id: str, currency: str) -> OrderSnapshot:
        """Read one order. Raises NotSent when it cannot be read now."""

    async def find_order(
        self, key: str, currency: str, *, not_before: datetime
    ) -> list[OrderSnapshot]:
        """Every order under a key: none, one, or an incident."""

    def list_orders(self, since: datetime, until: datetime) -> AsyncIterator[OrderSnapshot]:
        """Orders created in [since, until), page by page, for reconciliation. One whose time the
        provider does not tell is among them."""

    def products(self) -> AsyncIterator[Product]:
        """The catalogue, page by page."""

    async def close(self) -> None:
        """Close connections."""


@runtime_checkable
class LinksOnDemand(Protocol):
    """A provider that shows a claim link once, and afterwards only to who asks for it."""

    async def fresh_link(self, provider_order_id: str) -> ClaimSecret:
        """A link for an order whose first one was never stored. Raises NotSent."""


@runtime_checkable
class NamesRewards(Protocol):
    """A provider whose webhooks name a reward, and not its order."""

    async def order_id_of(self, reward_id: str) -> str:
        """The order of a reward. Raises NotSent."""


@runtime_checkable
class Cancels(Protocol):
    """A provider that may take an issued card back: `can_cancel`."""

    async def cancel(self, provider_order_id: str) -> bool:
        """Take the card back; also True when it was taken back before. False when this card
        cannot be, for it is used or too old. Where `resends_elsewhere` is False, True means that
        it certainly is taken back: another one is ordered then."""


@runtime_checkable
class Resends(Protocol):
    """A provider that sends an issued card again: `can_resend`."""

    async def resend(self, provider_order_id: str, email: str | None) -> None:
        """Deliver it again, to `email` if given, which is another address only where
        `resends_elsewhere`. Raises OrderRejected where the provider refuses for good, and others
        of `providers.outcomes` where it may be tried again."""
