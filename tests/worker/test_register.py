"""`guerdon migrate` prepares Temporal: on a server that knows nothing of Guerdon, and again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

import pytest
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import (
    AddSearchAttributesRequest,
    ListSearchAttributesRequest,
)
from temporalio.api.workflowservice.v1 import DescribeWorkerDeploymentRequest
from temporalio.client import Client
from temporalio.service import RPCError

from domain.messages import StaffRequest
from domain.staff import Action
from store.access.vault import Vault
from store.database import Database
from store.outbox.messages import SEARCH_ATTRIBUTES, Outgoing, mark_sent, send
from store.tables import Grant, Referral
from tests.builders import add_programme, convert, one, points, rows, sign_up, terms
from worker.build import build_workers
from worker.deployment import DEPLOYMENT
from worker.register import prepare
from worker.settings import WorkerSettings

KEYWORD = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
POINTS = terms(referee_reward=points(), tiers=())


async def attributes(client: Client) -> dict[str, int]:
    """The search attributes that are not Temporal's own."""
    answer = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace)
    )
    return dict(answer.custom_attributes)


async def current_build(client: Client) -> str:
    """The version that gets the tasks."""
    answer = await client.workflow_service.describe_worker_deployment(
        DescribeWorkerDeploymentRequest(namespace=client.namespace, deployment_name=DEPLOYMENT)
    )
    routing = answer.worker_deployment_info.routing_config
    return routing.current_deployment_version.build_id


async def accepted(database: Database) -> Outgoing:
    """A conversion that Temporal was not told of."""
    return (await convert(database, (await add_programme(database, POINTS)).code)).intake[0]


async def eventually(check: Callable[[], Awaitable[object]], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not await check():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


@asynccontextmanager
async def working(client: Client, database: Database, vault: Vault) -> AsyncIterator[None]:
    """Workers as the environment says; no provider is configured."""
    async with AsyncExitStack() as opened:
        for worker in build_workers(client, database, vault, {}, WorkerSettings()):
            await opened.enter_async_context(worker)
        yield


class TestPrepare:
    async def test_registers_what_a_referrals_workflow_begins_with(
        self, bare: Client, database: Database
    ) -> None:
        message = await accepted(database)
        with pytest.raises(RPCError, match="search attribute"):
            await send(bare, message)
        await prepare()
        found = await attributes(bare)
        assert {key.name: found.get(key.name) for key in SEARCH_ATTRIBUTES} == {
            key.name: KEYWORD for key in SEARCH_ATTRIBUTES
        }
        await send(bare, message)
        described = await bare.get_workflow_handle(message.workflow_id).describe()
        assert described.typed_search_attributes[SEARCH_ATTRIBUTES[0]] == message.start.campaign_id

    async def test_twice_at_once_is_fine(self, bare: Client) -> None:
        await asyncio.gather(prepare(), prepare())
        assert {key.name for key in SEARCH_ATTRIBUTES} <= set(await attributes(bare))

    async def test_adds_the_search_attributes_that_are_missing(self, bare: Client) -> None:
        """As after an update of Guerdon that has a further one."""
        first = SEARCH_ATTRIBUTES[0].name
        await bare.operator_service.add_search_attributes(
            AddSearchAttributesRequest(namespace=bare.namespace, search_attributes={first: KEYWORD})
        )
        await prepare()
        assert {key.name for key in SEARCH_ATTRIBUTES} <= set(await attributes(bare))


class TestVersionedWorker:
    @pytest.fixture(autouse=True)
    def _version(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("GUERDON_BUILD_ID", "build-1")

    async def test_receives_tasks(self, bare: Client, database: Database, vault: Vault) -> None:
        await prepare()
        await prepare()
        assert await current_build(bare) == "build-1"
        async with working(bare, database, vault):
            message = await accepted(database)
            await send(bare, message)
            await eventually(lambda: rows(database, Referral, status="completed"))
        described = await bare.get_workflow_handle(message.workflow_id).describe()
        info = described.raw_description.workflow_execution_info.versioning_info
        assert info.deployment_version.build_id == "build-1"

    async def test_goes_on_with_what_an_older_one_began(
        self,
        bare: Client,
        database: Database,
        vault: Vault,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        await prepare()
        held = POINTS.model_copy(update={"hold": timedelta(days=14)})
        programme = await add_programme(database, held)
        waiting = await sign_up(database, programme.code)
        (message,) = (await convert(database, None, waiting.referee_id)).intake
        async with working(bare, database, vault):
            await send(bare, message)
            # Else the redrive's repeat could come between the cancellation and the end.
            await mark_sent(database, [message.id])
            await eventually(lambda: rows(database, Referral, status="on_hold"))
        monkeypatch.setenv("GUERDON_BUILD_ID", "build-2")
        await prepare()
        async with working(bare, database, vault):
            handle = bare.get_workflow_handle(message.workflow_id)
            grant = await one(database, Grant)
            request = StaffRequest(grant_id=grant.id, actor="app_1")
            await handle.execute_update(Action.CANCEL, request)
            assert await asyncio.wait_for(handle.result(), 30) == "completed"
