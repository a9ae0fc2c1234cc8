"""The list of providers. A new provider is one more file here, and one more line in this module."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from pydantic import SecretStr

from providers.giftbit import Giftbit, GiftbitSettings
from providers.giftcard_partners import GiftCardPartners, GiftCardPartnersSettings
from providers.protocol import GiftCardProvider, reaches_elsewhere
from providers.runa import Runa, RunaSettings
from providers.tango import Tango, TangoSettings
from providers.tremendous import Tremendous, TremendousSettings


class Opened(NamedTuple):
    """A configured provider, its rate limit (requests a second over all workers), and the last part
    of its webhook address if its webhooks are per account."""

    provider: GiftCardProvider
    max_per_second: float
    hook_token: str = ""


_PROVIDERS: dict[str, tuple[Any, Any]] = {
    GiftCardPartners.name: (GiftCardPartners, GiftCardPartnersSettings),
    Giftbit.name: (Giftbit, GiftbitSettings),
    Runa.name: (Runa, RunaSettings),
    Tango.name: (Tango, TangoSettings),
    Tremendous.name: (Tremendous, TremendousSettings),
}
_NO_TOKEN = SecretStr("")
KNOWN = frozenset(_PROVIDERS)
"""Valid values of a reward's `provider`."""
RESENDING: dict[str, bool] = {
    name: reaches_elsewhere(adapter.capabilities)
    for name, (adapter, _) in _PROVIDERS.items()
    if adapter.capabilities.can_resend
}
"""Providers that can send an issued card again, and whether to a corrected address."""


def configured() -> list[str]:
    """The providers that the environment configures."""
    begun = [variable.lower() for variable in os.environ]
    prefixes = {
        name: section.model_config["env_prefix"].lower()
        for name, (_, section) in _PROVIDERS.items()
    }
    return [n for n, prefix in prefixes.items() if any(v.startswith(prefix) for v in begun)]


def sections() -> list[Any]:
    """The settings sections of the configured providers."""
    return [_PROVIDERS[name][1] for name in configured()]


def open_configured(*, within: float) -> dict[str, Opened]:
    """Open every configured provider. `within`: seconds for one exchange.

    Raises pydantic's ValidationError for an incomplete section."""
    opened = {}
    for name in configured():
        adapter, section = _PROVIDERS[name]
        settings = section()
        token = getattr(settings, "webhook_token", _NO_TOKEN).get_secret_value()
        opened[name] = Opened(adapter(settings, within=within), settings.max_per_second, token)
    return opened
