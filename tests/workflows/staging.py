"""Real parts for workflows: each module gets a database and workers of its own (the names of
task queues are fixed, so that two sets of workers would take one another's work)."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, suppress

import pytest
import pytest_asyncio
from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from providers.registry import Opened, open_configured
from store.access.vault import Vault
from store.database import Database
from tests.databases import cloned
from tests.workflows.histories import replay
from tests.workflows.provider import Hooks, Simulator, simulator_process
from tests.workflows.stage import Stage
from worker.build import build_workers
from worker.settings import WorkerSettings

VAULT = Vault(f"k1:{base64.b64encode(bytes(32)).decode()}")
LONGEST_DELAY = 2.0
"""Seconds; a module that wants another patience has a LONGEST_DELAY of its own."""


@pytest.fixture(scope="session")
def simulator_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with simulator_process(tmp_path_factory.mktemp("simulator")) as url:
        yield url


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def module_database(
    postgres_url: str, request: pytest.FixtureRequest
) -> AsyncIterator[Database]:
    """A database that the module's workers and tests share."""
    async with cloned(postgres_url, request.module.__name__.rpartition(".")[2]) as url:
        database = Database(url)
        yield database
        await database.dispose()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def running(
    module_database: Database,
    temporal: WorkflowEnvironment,
    simulator_url: str,
    request: pytest.FixtureRequest,
) -> AsyncIterator[Stage]:
    """Workers as production builds them, sandbox on, over the simulator. In the end every history
    that the module made, also an unfinished one, must replay."""
    async with AsyncExitStack() as opened:
        simulator, hooks = Simulator(simulator_url), Hooks()
        opened.push_async_callback(simulator.close)
        await hooks.open()
        opened.push_async_callback(hooks.close)
        settings = WorkerSettings(
            public_url=hooks.url,
            max_delay_seconds=getattr(request.module, "LONGEST_DELAY", LONGEST_DELAY),
            allow_private_targets=True,
        )
        names = getattr(request.module, "PROVIDERS", ["giftcard-partners"])
        providers = _configured(simulator_url, settings, names)
        for entry in providers.values():
            opened.push_async_callback(entry.provider.close)
        await _end_what_runs(temporal.client)
        for worker in build_workers(temporal.client, module_database, VAULT, providers, settings):
            await opened.enter_async_context(worker)
        stage = Stage(module_database, temporal, simulator, hooks, settings, VAULT)
        yield stage
        await replay(await stage.histories())
        await stage.clear()


async def _end_what_runs(client: Client) -> None:
    """What modules without workers have left would be taken up by ours, and fail: its rows are
    in another database."""
    async for execution in client.list_workflows("ExecutionStatus = 'Running'"):
        with suppress(RPCError):
            await client.get_workflow_handle(execution.id).terminate()


@pytest_asyncio.fixture
async def stage(running: Stage) -> Stage:
    """The same, with a quick, empty simulator whose webhooks are passed on."""
    running.hooks.hear = running.relay
    await running.simulator.reset()
    await running.open_lanes()
    return running


_SECTIONS = {
    "giftcard-partners": {"EMAIL": "buyer@example.com", "ACCESS_TOKEN": "test-token"},
    "tremendous": {"API_KEY": "test-key"},
    "runa": {"API_KEY": "test-key"},
    "giftbit": {"TOKEN": "test-token"},
    "tango": {
        "PLATFORM_NAME": "platform",
        "PLATFORM_KEY": "test-key",
        "CUSTOMER_IDENTIFIER": "customer",
        "ACCOUNT_IDENTIFIER": "account",
    },
}
_PATHS = {"giftbit": "giftbit/papi/v1", "tango": "tango/raas/v2"}


def _configured(
    simulator_url: str, settings: WorkerSettings, names: list[str]
) -> dict[str, Opened]:
    """The simulator's providers, from the environment as in production."""
    with pytest.MonkeyPatch.context() as environment:
        for name in names:
            section = f"GUERDON_{name.upper().replace('-', '_')}_"
            url = {"URL": f"{simulator_url}/{_PATHS.get(name, name)}"}
            for member, value in (url | _SECTIONS[name]).items():
                environment.setenv(section + member, value)
        return open_configured(within=settings.timing.attempt.total_seconds())
