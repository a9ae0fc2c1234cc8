"""Inbound webhooks: answered at once, and passed on to whoever carries the grant."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from temporalio.client import WorkflowHandle
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from domain.grants import GrantStatus
from domain.messages import DELIVERY_HINT, REFERRAL_WORKFLOW, WORKFLOW_QUEUE
from domain.orders import DeliveryState, OrderState
from store.database import Database
from store.tables import Grant, Order
from tests.api.api_app import client_of
from tests.api.api_bodies import refused
from tests.api.orders.test_orders import add_order
from tests.builders import PROVIDER, add_grant, alter, in_past, one


@pytest_asyncio.fixture
async def provider(app_with_temporal: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody out there, without credentials."""
    async with client_of(app_with_temporal) as client:
        yield client


@pytest_asyncio.fixture
async def order(database: Database) -> Order:
    return await add_order(database, await add_grant(database))


def _path(order: Order) -> str:
    return f"/hooks/{order.provider}/{order.hook_token}"


async def _signals(handle: WorkflowHandle[Any, Any], seconds: float = 60) -> list[str]:
    """The signals that a workflow has got, once there is one."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            history = await handle.fetch_history()
        except RPCError:
            await asyncio.sleep(0.05)
            continue
        names = [
            event.workflow_execution_signaled_event_attributes.signal_name
            for event in history.events
            if event.HasField("workflow_execution_signaled_event_attributes")
        ]
        if names:
            return names
        await asyncio.sleep(0.05)
    return []


class TestKnown:
    async def test_hint_reaches_the_referral(
        self,
        provider: httpx.AsyncClient,
        database: Database,
        order: Order,
        temporal: WorkflowEnvironment,
    ) -> None:
        async with database.reading() as session:
            grant = await session.get_one(Grant, order.grant_id)
        # Nobody works here: what the workflow is told stays in its history.
        handle = await temporal.client.start_workflow(
            REFERRAL_WORKFLOW, id=grant.workflow_id, task_queue=f"{WORKFLOW_QUEUE}-nobody"
        )
        began = time.perf_counter()
        response = await provider.post(_path(order), json={"anything": "jane@acme.com"})
        took = time.perf_counter() - began
        assert (response.status_code, response.content) == (202, b"")
        assert took < 1
        assert await _signals(handle) == [DELIVERY_HINT]
        assert "jane" not in str((await handle.fetch_history()).to_json())
        await handle.terminate()

    async def test_after_the_end_an_aftercare_looks(
        self,
        provider: httpx.AsyncClient,
        database: Database,
        order: Order,
        temporal: WorkflowEnvironment,
    ) -> None:
        async with database.reading() as session:
            grant = await session.get_one(Grant, order.grant_id)
        for _ in range(2):
            assert (await provider.post(_path(order), content=b"")).status_code == 202
        handle = temporal.client.get_workflow_handle(
            f"aftercare:{grant.referral_id}:hook-{order.id}"
        )
        assert await _signals(handle) == [DELIVERY_HINT] * 2
        await handle.terminate()

    @pytest.mark.parametrize(("seconds", "told"), [(0, []), (90, [DELIVERY_HINT])])
    async def test_a_card_at_rest_is_looked_at_again_unless_that_was_just_done(
        self,
        provider: httpx.AsyncClient,
        database: Database,
        order: Order,
        temporal: WorkflowEnvironment,
        seconds: int,
        told: list[str],
    ) -> None:
        looked_at = in_past(seconds=seconds)
        arrived = {"state": OrderState.ISSUED, "delivery_state": DeliveryState.DELIVERED}
        await alter(database, order, updated_at=looked_at, **arrived)
        grant = await one(database, Grant, id=order.grant_id)
        await alter(database, grant, status=GrantStatus.DELIVERED)
        assert (await provider.post(_path(order), content=b"")).status_code == 202
        handle = temporal.client.get_workflow_handle(
            f"aftercare:{grant.referral_id}:hook-{order.id}"
        )
        assert await _signals(handle, seconds=5 if told else 0.5) == told

    async def test_while_temporal_is_away(self, anonymous: httpx.AsyncClient, order: Order) -> None:
        assert (await anonymous.post(_path(order), content=b"x")).status_code == 202


class TestRefused:
    @pytest.mark.parametrize(
        "path",
        ["nobody/token", f"{PROVIDER}/token", f"{PROVIDER}/a%00b", f"{PROVIDER}/{'a' * 900}"],
    )
    async def test_an_unknown_id_is_not_found(
        self, anonymous: httpx.AsyncClient, path: str
    ) -> None:
        refused(await anonymous.post(f"/hooks/{path}", content=b"x"), 404, "resource_not_found")

    async def test_token_at_another_provider(
        self, anonymous: httpx.AsyncClient, order: Order
    ) -> None:
        response = await anonymous.post(f"/hooks/other/{order.hook_token}", content=b"x")
        refused(response, 404, "resource_not_found")

    async def test_a_large_body_is_refused(
        self, anonymous: httpx.AsyncClient, order: Order
    ) -> None:
        response = await anonymous.post(_path(order), content=b"x" * 65_537)
        refused(response, 413, "payload_too_large")

    async def test_other_method(self, anonymous: httpx.AsyncClient, order: Order) -> None:
        refused(await anonymous.get(_path(order)), 405, "method_not_allowed")
