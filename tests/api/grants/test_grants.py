"""Grants over HTTP, and what staff do with them: asked of real workflows on real workers."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from temporalio.testing import WorkflowEnvironment

from api.http import staff_requests
from domain.roles import Role
from providers.registry import open_configured
from store.access.vault import Vault
from store.database import Database
from store.qualification.qualify import qualify
from store.tables import Intake, Referral
from tests.api.api_app import client_of, headers_for
from tests.api.api_bodies import card, event_body, made, refused, share, tier
from tests.builders import add_grant, gift_card, one, points, rows, start_of
from worker.build import build_workers
from worker.settings import WorkerSettings

HELD = {
    "hold": "P14D",
    "referee_reward": None,
    "tiers": [tier({"kind": "gift_credits", "amount": 900})],
}


@pytest_asyncio.fixture
async def staff(app_with_temporal: FastAPI, database: Database) -> AsyncIterator[httpx.AsyncClient]:
    """Support staff, calling an API that reaches Temporal."""
    headers = await headers_for(database, Role.ADMIN)
    async with client_of(app_with_temporal, headers) as client:
        yield client


@pytest_asyncio.fixture
async def workers(
    database: Database, temporal: WorkflowEnvironment, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[None]:
    """Real workers. No provider is ever reached: these grants do not get so far."""
    section = {"URL": "http://127.0.0.1:1", "EMAIL": "a@b.co", "ACCESS_TOKEN": "x"}
    for name, value in section.items():
        monkeypatch.setenv(f"GUERDON_GIFTCARD_PARTNERS_{name}", value)
    settings = WorkerSettings.model_validate(
        {"public_url": "http://guerdon.test", "max_delay_seconds": 5}
    )
    providers = open_configured(within=1)
    vault = Vault(f"k1:{base64.b64encode(b'0' * 32).decode()}")
    async with AsyncExitStack() as opened:
        for entry in providers.values():
            opened.push_async_callback(entry.provider.close)
        for worker in build_workers(temporal.client, database, vault, providers, settings):
            await opened.enter_async_context(worker)
        yield
        for referral in await rows(database, Referral):
            handle = temporal.client.get_workflow_handle(referral.workflow_id)
            if (await handle.describe()).close_time is None:
                await handle.terminate()


async def _grant(client: httpx.AsyncClient, program: dict[str, Any], status: str) -> Any:
    """A grant made by one conversion, once it has this status."""
    shared = await share(client, program)
    await made(client.post("/v1/events", json=event_body(shared.code)))
    return await _once(client, f"/v1/grants?campaign_id={shared.campaign_id}", status)


async def _once(client: httpx.AsyncClient, path: str, status: str, seconds: float = 120) -> Any:
    """The first grant at this path, when it has this status."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = await made(client.get(path))
        found = answer.get("data", [answer])
        if found and found[0]["status"] == status:
            return found[0]
        await asyncio.sleep(0.05)
    raise AssertionError(f"not {status} within {seconds} s: {found}")


class TestRead:
    async def test_one_is_read_by_its_id(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        grant = await add_grant(database, gift_card(2500))
        answer = await made(service.get(f"/v1/grants/{grant.id}"))
        assert (answer["status"], answer["kind"], answer["role"]) == (
            "ordering",
            "gift_card",
            "referrer",
        )
        assert (answer["amount"], answer["currency"], answer["ordinal"]) == (2500, "USD", 1)
        assert answer["tier_id"] == "tier_every"
        assert answer["reward"]["product_id"] == "CVS"
        assert answer["recipient"]["id"] == grant.recipient_id
        assert (answer["order"], answer["attention"]) == (None, None)

    async def test_points_have_no_currency(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        grant = await add_grant(database, points(500))
        answer = await made(service.get(f"/v1/grants/{grant.id}"))
        assert (answer["amount"], answer["currency"]) == (500, None)

    async def test_the_list_can_be_filtered(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        card, other = await add_grant(database, gift_card()), await add_grant(database, points())
        for query in (
            f"campaign_id={card.campaign_id}",
            f"referral_id={card.referral_id}",
            f"recipient_id={card.recipient_id}",
            "kind=gift_card",
        ):
            found = await made(service.get(f"/v1/grants?{query}"))
            assert [one["id"] for one in found["data"]] == [card.id]
        found = await made(service.get("/v1/grants?status=ordering"))
        assert {one["id"] for one in found["data"]} == {card.id, other.id}
        refused(await service.get("/v1/grants?status=lost"), 400, "invalid_payload")

    async def test_the_timeline_tells_the_whole_story(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        grant = await add_grant(database)
        timeline = await made(service.get(f"/v1/grants/{grant.id}/timeline"))
        (created,) = timeline["data"]
        assert created["title"] == "Reward granted to the referrer"
        assert created["detail"] == "gift card of 15.00 USD"

    async def test_an_unknown_id_is_not_found(self, service: httpx.AsyncClient) -> None:
        for path in ("/v1/grants/gr_x", "/v1/grants/gr_x/timeline"):
            refused(await service.get(path), 404, "resource_not_found")


@pytest.mark.usefixtures("workers")
class TestStaff:
    async def test_cancel_while_held(self, staff: httpx.AsyncClient) -> None:
        grant = await _grant(staff, HELD, "held")
        path = f"/v1/grants/{grant['id']}"
        refused(await staff.post(f"{path}/retry"), 409, "not_allowed_in_state")
        answer = await made(staff.post(f"{path}/cancel", json={"reason": "order was returned"}))
        assert answer["id"] == grant["id"]
        await _once(staff, path, "cancelled")
        timeline = await made(staff.get(f"{path}/timeline"))
        done = timeline["data"][-1]
        assert (done["source"], done["title"], done["detail"], done["actor"]) == (
            "staff",
            "Cancelled by staff",
            "order was returned",
            staff.headers["X-App-Id"],
        )

    async def test_nothing_after_the_end(self, staff: httpx.AsyncClient) -> None:
        points = {"referee_reward": None, "tiers": [tier({"kind": "loyalty_points", "points": 5})]}
        grant = await _grant(staff, points, "delivered")
        for action in ("retry", "cancel"):
            response = await staff.post(f"/v1/grants/{grant['id']}/{action}")
            refused(response, 409, "not_allowed_in_state")

    async def test_retry_is_asked_once_under_one_key(self, staff: httpx.AsyncClient) -> None:
        program = {"referee_reward": card(delivery="post"), "tiers": []}
        grant = await _grant(staff, program, "needs_attention")
        assert grant["attention"] == "recipient_incomplete"
        path = f"/v1/grants/{grant['id']}"
        headers = {"Idempotency-Key": "retry-1"}
        answers = [await made(staff.post(f"{path}/retry", headers=headers)) for _ in range(2)]
        assert answers[0] == answers[1]
        await asyncio.sleep(1)
        timeline = await made(staff.get(f"{path}/timeline"))
        told = [one for one in timeline["data"] if one["title"] == "Tried again, as staff asked"]
        assert [one["actor"] for one in told] == [staff.headers["X-App-Id"]]


class TestStaffInAnOutage:
    async def test_no_worker_answers(
        self,
        staff: httpx.AsyncClient,
        database: Database,
        temporal: WorkflowEnvironment,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(staff_requests, "PATIENCE", 0.5)
        shared = await share(staff, HELD)
        await made(staff.post("/v1/events", json=event_body(shared.code)))
        while (await one(database, Intake)).sent_at is None:
            await asyncio.sleep(0.05)
        referral = await one(database, Referral)
        decision = await qualify(database, start_of(referral))
        path = f"/v1/grants/{decision.grants[0].grant_id}/cancel"
        response = await staff.post(path, headers={"Idempotency-Key": "k1"})
        refused(response, 503, "temporarily_unavailable")
        assert response.headers["retry-after"]
        again = await staff.post(path, headers={"Idempotency-Key": "k1"})
        refused(again, 503, "temporarily_unavailable")
        await temporal.client.get_workflow_handle(referral.workflow_id).terminate()

    async def test_temporal_is_away(self, support: httpx.AsyncClient, database: Database) -> None:
        grant = await add_grant(database, hold=timedelta(days=1))
        for _ in range(2):
            response = await support.post(f"/v1/grants/{grant.id}/cancel")
            refused(response, 503, "temporarily_unavailable")

    async def test_malformed_note(self, support: httpx.AsyncClient, database: Database) -> None:
        grant = await add_grant(database)
        for body in ({"reason": 5}, {"reason": "a" * 501}, []):
            response = await support.post(f"/v1/grants/{grant.id}/cancel", json=body)
            refused(response, 400, "invalid_payload")
