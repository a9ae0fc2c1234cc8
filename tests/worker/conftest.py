"""A Temporal server of a test's own, that nobody has prepared."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from cli.stack import temporal as temporal_server
from store.access.vault import Vault
from store.temporal.client import guerdon_plugin
from tests.said.gathering import gather_histories

KEYS = f"k1:{base64.b64encode(bytes(32)).decode()}"


@pytest.fixture
def vault() -> Vault:
    return Vault(KEYS)


@pytest_asyncio.fixture
async def bare(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Client]:
    """A client of it; the environment names the server, as in production."""
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(temporal_server.binary()), plugins=[guerdon_plugin]
    ) as environment:
        client = environment.client
        monkeypatch.setenv("TEMPORAL_ADDRESS", client.service_client.config.target_host)
        monkeypatch.setenv("GUERDON_PUBLIC_URL", "http://guerdon.test")
        monkeypatch.setenv("GUERDON_MAX_DELAY_SECONDS", "2")
        yield client
        await gather_histories(client)
