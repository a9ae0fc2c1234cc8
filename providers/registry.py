"""Which providers exist. A new one is a file beside this one, and a line here."""

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
    """A configured provider, its rate limit (requests a second over all workers), and the end of
    the address that its account's webhooks are sent to, where it has such."""

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
"""Names that a reward may give as its `provider`."""
RESENDING: dict[str, bool] = {
    name: reaches_elsewhere(adapter.capabilities)
    for name, (adapter, _) in _PROVIDERS.items()
    if adapter.capabilities.can_resend
}
"""Those that can send an issued card again, and whether a corrected address can be reached."""


def configured() -> list[str]:
    """The providers that the environment has a section of."""
    begun = [variable.lower() for variable in os.environ]
    prefixes = {
        name: section.model_config["env_prefix"].lower()
        for name, (_, section) in _PROVIDERS.items()
    }
    return [n for n, prefix in prefixes.items() if any(v.startswith(prefix) for v in begun)]


def sections() -> list[Any]:
    """The settings of the providers that the environment has a section of, to be read."""
    return [_PROVIDERS[name][1] for name in configured()]


def open_configured(*, within: float) -> dict[str, Opened]:
    """Every provider that the environment configures. `within`: seconds for one exchange.

    Raises pydantic's ValidationError for a section that is begun and not complete.
    """
    opened = {}
    for name in configured():
        adapter, section = _PROVIDERS[name]
        settings = section()
        token = getattr(settings, "webhook_token", _NO_TOKEN).get_secret_value()
        opened[name] = Opened(adapter(settings, within=within), settings.max_per_second, token)
    return opened
