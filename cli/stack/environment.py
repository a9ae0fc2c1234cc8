"""The environment variables of the stack's own `guerdon` processes, as in production."""

import json
import os
from dataclasses import dataclass

from cli.stack.ports import LOOPBACK, Ports
from cli.stack.postgres import database_url
from cli.stack.state import Secrets
from cli.stack.temporal import NAMESPACE


@dataclass(frozen=True)
class Urls:
    """The addresses of a running stack."""

    api: str
    temporal: str
    """Host and port, as Temporal's clients need it."""
    temporal_ui: str
    simulator: str
    database: str

    @classmethod
    def of(cls, ports: Ports, secrets: Secrets) -> "Urls":
        """The addresses on these ports."""
        return cls(
            api=f"http://{LOOPBACK}:{ports.api}",
            temporal=f"{LOOPBACK}:{ports.temporal}",
            temporal_ui=f"http://{LOOPBACK}:{ports.temporal_ui}",
            simulator=f"http://{LOOPBACK}:{ports.simulator}",
            database=database_url(ports.postgres, secrets.database_password),
        )


def environment(urls: Urls, secrets: Secrets) -> dict[str, str]:
    """The caller's environment plus every setting of the stack; worker, API and tests share it."""
    # The caller's own Temporal profile (TLS, API key) would send the workers elsewhere.
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("TEMPORAL_")}
    return inherited | {
        "PYTHONUNBUFFERED": "1",
        "GUERDON_DATABASE_URL": urls.database,
        "TEMPORAL_ADDRESS": urls.temporal,
        "TEMPORAL_NAMESPACE": NAMESPACE,
        "GUERDON_ENCRYPTION_KEYS": f"k1:{secrets.encryption_key}",
        "GUERDON_PUBLIC_URL": urls.api,
        "GUERDON_CURRENCY": "USD",
        "GUERDON_ALLOW_PRIVATE_TARGETS": "true",
        # So that a person watching sees the end of every retry and poll.
        "GUERDON_MAX_DELAY_SECONDS": "10",
        **_providers(urls.simulator, secrets),
        "GUERDON_SIMULATOR_WEBHOOKS": json.dumps(_webhooks(urls.api, secrets)),
    }


def _webhooks(api: str, secrets: Secrets) -> dict[str, dict[str, str]]:
    """The webhook settings that a person would enter in the providers' dashboards."""
    return {
        name: {
            "url": f"{api}/hooks/{name}/{secrets.webhook_token}",
            "secret": secrets.webhook_secret,
        }
        for name in ("tremendous", "runa")
    }


def _providers(simulator: str, secrets: Secrets) -> dict[str, str]:
    return {
        "GUERDON_GIFTCARD_PARTNERS_URL": f"{simulator}/giftcard-partners",
        "GUERDON_GIFTCARD_PARTNERS_EMAIL": secrets.provider_email,
        "GUERDON_GIFTCARD_PARTNERS_ACCESS_TOKEN": secrets.provider_token,
        # The simulator has no rate limit, and this provider publishes none.
        "GUERDON_GIFTCARD_PARTNERS_MAX_PER_SECOND": "1000",
        "GUERDON_TREMENDOUS_URL": f"{simulator}/tremendous",
        "GUERDON_TREMENDOUS_API_KEY": secrets.provider_token,
        "GUERDON_TREMENDOUS_WEBHOOK_TOKEN": secrets.webhook_token,
        "GUERDON_TREMENDOUS_WEBHOOK_SECRET": secrets.webhook_secret,
        "GUERDON_TANGO_URL": f"{simulator}/tango/raas/v2",
        "GUERDON_TANGO_PLATFORM_NAME": "guerdon-dev",
        "GUERDON_TANGO_PLATFORM_KEY": secrets.provider_token,
        "GUERDON_TANGO_CUSTOMER_IDENTIFIER": "guerdon-dev",
        "GUERDON_TANGO_ACCOUNT_IDENTIFIER": "guerdon-dev",
        "GUERDON_GIFTBIT_URL": f"{simulator}/giftbit/papi/v1",
        "GUERDON_GIFTBIT_TOKEN": secrets.provider_token,
        "GUERDON_RUNA_URL": f"{simulator}/runa",
        "GUERDON_RUNA_API_KEY": secrets.provider_token,
        "GUERDON_RUNA_WEBHOOK_TOKEN": secrets.webhook_token,
        "GUERDON_RUNA_WEBHOOK_SECRET": secrets.webhook_secret,
    }
