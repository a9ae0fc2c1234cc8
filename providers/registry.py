"""Which providers exist, and how each is opened."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import NamedTuple

from pydantic_settings import BaseSettings

from providers.giftcard_partners import GiftCardPartners
from providers.protocol import GiftCardProvider
from providers.settings import GiftCardPartnersSettings


class Opened(NamedTuple):
    """A configured provider and its rate limit, requests a second over all workers."""

    provider: GiftCardProvider
    max_per_second: float


def _giftcard_partners(within: float) -> Opened:
    settings = GiftCardPartnersSettings()
    return Opened(GiftCardPartners(settings, within=within), settings.max_per_second)


_OPENERS: dict[str, tuple[type[BaseSettings], Callable[[float], Opened]]] = {
    GiftCardPartners.name: (GiftCardPartnersSettings, _giftcard_partners),
}
KNOWN = frozenset(_OPENERS)
"""Names that a reward may give as its `provider`."""


def open_configured(*, within: float) -> dict[str, Opened]:
    """Every provider that the environment configures. `within`: seconds for one exchange.

    Raises pydantic's ValidationError for a section that is begun and not complete.
    """
    opened = {}
    for name, (settings, opener) in _OPENERS.items():
        prefix = settings.model_config["env_prefix"].lower()
        if any(variable.lower().startswith(prefix) for variable in os.environ):
            opened[name] = opener(within)
    return opened
