"""The five adapters, pointed at the simulator's process, and what each one is made to order."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any, NamedTuple

from providers.giftbit import Giftbit, GiftbitSettings
from providers.giftcard_partners import GiftCardPartners, GiftCardPartnersSettings
from providers.protocol import GiftCardProvider
from providers.runa import Runa, RunaSettings
from providers.tango import Tango, TangoSettings
from providers.tremendous import Tremendous, TremendousSettings

HOOK_SECRET = f"whsec_{base64.b64encode(bytes(range(24))).decode()}"
_FAST = {"max_per_second": 200}
"""The simulator limits nothing unless told to, so reads that belong together need not wait."""


class UnderTest(NamedTuple):
    """An open-value product in dollars, and how its adapter is opened."""

    product_id: str
    path: str
    open: Callable[[str, float], GiftCardProvider]
    tells_by_account: bool = False
    """Its webhooks go to one signed address of the account, set beforehand."""


def _giftcard_partners(url: str, within: float) -> GiftCardProvider:
    given: dict[str, Any] = {"url": url, "email": "buyer@example.com", "access_token": "secret"}
    return GiftCardPartners(GiftCardPartnersSettings(**given), within=within)


def _tremendous(url: str, within: float) -> GiftCardProvider:
    given: dict[str, Any] = {"url": url, "api_key": "secret", "webhook_secret": HOOK_SECRET}
    return Tremendous(TremendousSettings(**given), within=within)


def _tango(url: str, within: float) -> GiftCardProvider:
    who = {"customer_identifier": "customer", "account_identifier": "account"}
    given: dict[str, Any] = {"url": url, "platform_name": "platform", "platform_key": "secret"}
    return Tango(TangoSettings(**given | who | _FAST), within=within)


def _giftbit(url: str, within: float) -> GiftCardProvider:
    given: dict[str, Any] = {"url": url, "token": "secret"}
    return Giftbit(GiftbitSettings(**given | _FAST), within=within)


def _runa(url: str, within: float) -> GiftCardProvider:
    given: dict[str, Any] = {"url": url, "api_key": "secret", "webhook_secret": HOOK_SECRET}
    return Runa(RunaSettings(**given), within=within)


UNDER_TEST = {
    "giftcard-partners": UnderTest("CVS", "/giftcard-partners", _giftcard_partners),
    "tremendous": UnderTest("OKMHM2X2OHYV", "/tremendous", _tremendous, tells_by_account=True),
    "tango": UnderTest("U000001", "/tango/raas/v2", _tango),
    "giftbit": UnderTest("amazonus", "/giftbit/papi/v1", _giftbit),
    "runa": UnderTest("AMZ-US", "/runa", _runa, tells_by_account=True),
}
ARCHETYPES = {
    adapter.name: adapter.capabilities.replay
    for adapter in (GiftCardPartners, Tremendous, Tango, Giftbit, Runa)
}
"""What each one answers to a key that it has seen."""


def open_adapter(name: str, simulator_url: str, within: float) -> GiftCardProvider:
    """The adapter of that provider. `within`: seconds for one exchange."""
    under_test = UNDER_TEST[name]
    return under_test.open(simulator_url + under_test.path, within)
