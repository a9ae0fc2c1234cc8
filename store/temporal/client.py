"""The Temporal client of every Guerdon process: one plugin, one way to connect."""

from __future__ import annotations

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.envconfig import ClientConfig
from temporalio.plugin import SimplePlugin
from temporalio.service import RPCError

from store.temporal.failures import Discretion

AWAY = (RPCError, RuntimeError)
"""What a client raises while Temporal is down; a lazy one raises RuntimeError."""
_USUAL = "127.0.0.1:7233"

guerdon_plugin = SimplePlugin(
    "guerdon", data_converter=pydantic_data_converter, interceptors=[Discretion()]
)
"""Data converter and failure converter for client, worker, replayer and tests alike: a replayer
without them would decode histories wrongly."""


async def connect(*, lazy: bool = False) -> Client:
    """Connect as Temporal's own environment says (TEMPORAL_ADDRESS, profile file, TLS, API key).
    `lazy`: connect at first use, so that the API starts while Temporal is down."""
    config = ClientConfig.load_client_connect_config()
    config.setdefault("target_host", _USUAL)
    return await Client.connect(**config, plugins=[guerdon_plugin], lazy=lazy)


def address() -> str:
    """Temporal's configured host and port."""
    return ClientConfig.load_client_connect_config().get("target_host", _USUAL)
