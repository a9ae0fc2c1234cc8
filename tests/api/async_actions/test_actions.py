"""Customers in bulk: accepted over HTTP, worked off by a real worker, followed to the end."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker
from voucherify.models.async_action_get_response_body import AsyncActionGetResponseBody
from voucherify.models.async_actions_list_response_body import AsyncActionsListResponseBody

from activities.actions import ActionActivities
from domain.messages import WORKFLOW_QUEUE
from domain.roles import Role
from store.database import Database
from store.imports.handlers import work_off_part
from store.outage import is_outage
from store.webhooks.start import restart_actions
from tests.api.api_app import client_of, headers_for
from tests.api.api_bodies import made, person, refused, share
from tests.keeping import Keep
from workflows.action import ActionWorkflow


@pytest_asyncio.fixture
async def caller(
    app_with_temporal: FastAPI, database: Database, temporal: WorkflowEnvironment
) -> AsyncIterator[httpx.AsyncClient]:
    """A service that calls the API while a worker runs."""
    worker = Worker(
        temporal.client,
        task_queue=WORKFLOW_QUEUE,
        workflows=[ActionWorkflow],
        activities=[ActionActivities(database).work_off],
    )
    headers = await headers_for(database, Role.SERVICE)
    async with worker, client_of(app_with_temporal, headers) as client:
        yield client


async def finished(client: httpx.AsyncClient, action_id: str) -> dict[str, Any]:
    deadline = time.monotonic() + 180
    while True:
        action: dict[str, Any] = await made(client.get(f"/v1/async-actions/{action_id}"))
        if action["status"] == "DONE":
            return action
        assert time.monotonic() < deadline, action
        await asyncio.sleep(0.05)


def csv_of(*lines: str) -> dict[str, Any]:
    return {"file": ("customers.csv", "\n".join(lines).encode(), "text/csv")}


class TestBulk:
    async def test_merges_and_lists_wrong_rows(
        self, caller: httpx.AsyncClient, temporal: WorkflowEnvironment, keep: Keep
    ) -> None:
        jane = {"source_id": "jane", "name": "Jane", "metadata": {"a": 1}}
        await made(caller.post("/v1/customers", json=jane))
        rows = [
            {"source_id": "jane", "phone": "+491", "metadata": {"b": 2}},
            {"source_id": "joe", "email": "nonsense"},
            {"name": "nobody"},
            {"source_id": "ann"},
        ]
        accepted = await made(caller.post("/v1/customers/bulk/async", json=rows), 202)
        action = await finished(caller, accepted["async_action_id"])
        await keep("action", temporal.client.get_workflow_handle(f"action:{action['id']}"))
        result = action["result"]
        assert (action["operation_status"], action["progress"]) == ("SUCCESS", 100)
        assert (result["done_count"], result["failed_count"]) == (2, 2)
        assert [failed["row"] for failed in result["failed"]] == [2, 3]
        assert "nonsense" not in json.dumps(action)
        stored = await made(caller.get("/v1/customers/jane"))
        assert (stored["name"], stored["phone"]) == ("Jane", "+491")
        assert stored["metadata"] == {"a": 1, "b": 2}

    async def test_metadata_for_many(self, caller: httpx.AsyncClient) -> None:
        await made(caller.post("/v1/customers", json={"source_id": "x1", "name": "X"}))
        body = {"source_ids": ["x1", "x2"], "metadata": {"plan": "pro"}}
        accepted = await made(caller.post("/v1/customers/metadata/async", json=body), 202)
        action = await finished(caller, accepted["async_action_id"])
        assert (action["result"]["created_count"], action["result"]["updated_count"]) == (1, 1)
        assert (await made(caller.get("/v1/customers/x1")))["name"] == "X"

    async def test_the_sdk_reads_it(self, caller: httpx.AsyncClient) -> None:
        rows = [{"source_id": "s1"}]
        accepted = await made(caller.post("/v1/customers/bulk/async", json=rows), 202)
        action = await finished(caller, accepted["async_action_id"])
        read = AsyncActionGetResponseBody.from_dict(action)
        assert read is not None
        assert read.id == action["id"]
        page = await made(caller.get("/v1/async-actions"))
        listed = AsyncActionsListResponseBody.from_dict(page)
        assert listed is not None
        assert listed.async_actions is not None
        assert [each.id for each in listed.async_actions] == [action["id"]]

    @pytest.mark.parametrize("body", [[], {}, ["x"], None])
    async def test_a_body_that_is_no_list_of_customers_is_refused(
        self, unchanged: httpx.AsyncClient, body: Any
    ) -> None:
        refused(await unchanged.post("/v1/customers/bulk/async", json=body), 400, "invalid_payload")


class TestCsv:
    async def test_overwrites_whole_profiles(self, caller: httpx.AsyncClient) -> None:
        jane = {"source_id": "jane", "name": "Jane", "metadata": {"a": 1}}
        await made(caller.post("/v1/customers", json=jane))
        file = csv_of("Source_id,Email,Address_City,plan", "jane,j@x.com,Ulm,pro", "joe,,,")
        accepted = await made(caller.post("/v1/customers/importCSV", files=file), 202)
        action = await finished(caller, accepted["async_action_id"])
        assert action["type"] == "CUSTOMERS.IMPORT_CSV"
        stored = await made(caller.get("/v1/customers/jane"))
        assert (stored["name"], stored["email"]) == (None, "j@x.com")
        assert (stored["address"]["city"], stored["metadata"]) == ("Ulm", {"plan": "pro"})

    @pytest.mark.parametrize(
        "lines", [[""], ["Name"], ["Source_id,source_ID"], ["Source_id,", "a,b"]]
    )
    async def test_a_file_that_cannot_be_read_is_refused(
        self, unchanged: httpx.AsyncClient, lines: list[str]
    ) -> None:
        answer = await unchanged.post("/v1/customers/importCSV", files=csv_of(*lines))
        refused(answer, 400, "invalid_payload", "/file")

    async def test_only_a_form_is_taken(self, unchanged: httpx.AsyncClient) -> None:
        answer = await unchanged.post("/v1/customers/importCSV", json={"file": "x"})
        refused(answer, 415, "unsupported_media_type")

    async def test_more_than_ten_megabytes_are_refused(self, unchanged: httpx.AsyncClient) -> None:
        file = csv_of("Source_id", "x" * 10_100_000)
        refused(
            await unchanged.post("/v1/customers/importCSV", files=file), 413, "payload_too_large"
        )


class TestCodes:
    async def test_from_a_file_then_changed_and_refused(self, caller: httpx.AsyncClient) -> None:
        first, second = await share(caller), await share(caller)
        path = f"/v1/campaigns/{first.campaign_id}/importCSV"
        lines = ["Code,Category,Redeemed quantity,Active,tone", "ANN-1,a,3,true,x", "BOB-1,,,no,"]
        accepted = await made(caller.post(path, files=csv_of(*lines)), 202)
        action = await finished(caller, accepted["async_action_id"])
        assert action["result"]["created_count"] == 2
        ann = await made(caller.get("/v1/vouchers/ANN-1"))
        assert (ann["campaign_id"], ann["active"]) == (first.campaign_id, True)
        assert ann["redemption"]["redeemed_quantity"] == 3
        assert (ann["metadata"], ann["category"]) == ({"tone": "x"}, "a")
        assert not (await made(caller.get("/v1/vouchers/BOB-1")))["active"]
        again = [
            {"code": "ANN-1", "active": False, "metadata": {"tone": "y"}, "redemption": None},
            {"code": second.code},
            {"code": "a b\n"},
        ]
        path = f"/v1/campaigns/{first.campaign}/import"
        accepted = await made(caller.post(path, json=again), 202)
        result = (await finished(caller, accepted["async_action_id"]))["result"]
        assert (result["created_count"], result["updated_count"]) == (0, 1)
        assert [failed["row"] for failed in result["failed"]] == [2, 3]
        ann = await made(caller.get("/v1/vouchers/ANN-1"))
        assert (ann["active"], ann["metadata"]["tone"]) == (False, "x")

    async def test_are_published_like_others(self, caller: httpx.AsyncClient) -> None:
        shared = await share(caller)
        path = f"/v1/campaigns/{shared.campaign_id}/import"
        accepted = await made(caller.post(path, json=[{"code": "ZOE-1"}]), 202)
        await finished(caller, accepted["async_action_id"])
        body = {"voucher": "ZOE-1", "customer": person()}
        assert (await made(caller.post("/v1/publications", json=body)))["voucher"]["code"] == (
            "ZOE-1"
        )

    async def test_codes_without_a_campaign_or_a_code_column_are_refused(
        self, service: httpx.AsyncClient
    ) -> None:
        answer = await service.post("/v1/campaigns/none/import", json=[{"code": "X"}])
        refused(answer, 404, "resource_not_found")
        shared = await share(service)
        path = f"/v1/campaigns/{shared.campaign_id}/importCSV"
        answer = await service.post(path, files=csv_of("Kode", "x"))
        refused(answer, 400, "invalid_payload", "/file")


class TestOutage:
    async def test_accepted_without_temporal_is_started_by_the_redrive(
        self, service: httpx.AsyncClient, database: Database, temporal: WorkflowEnvironment
    ) -> None:
        rows = [{"source_id": "s1"}]
        accepted = await made(service.post("/v1/customers/bulk/async", json=rows), 202)
        action_id = accepted["async_action_id"]
        assert (await made(service.get(f"/v1/async-actions/{action_id}")))["status"] == "ENQUEUED"
        worker = Worker(
            temporal.client,
            task_queue=WORKFLOW_QUEUE,
            workflows=[ActionWorkflow],
            activities=[ActionActivities(database).work_off],
        )
        async with worker:
            await restart_actions(database, temporal.client, timedelta(0))
            assert (await finished(service, action_id))["result"]["done_count"] == 1

    async def test_two_workers_at_once_count_each_row_once(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        rows = [{"source_id": f"s{number}"} for number in range(12_000)]
        accepted = await made(service.post("/v1/customers/bulk/async", json=rows), 202)
        action_id = accepted["async_action_id"]

        async def goes_on() -> bool:
            try:
                return await work_off_part(database, action_id)
            except DBAPIError as error:
                # Who waits too long behind the two others is tried again, as its activity is.
                if is_outage(error):
                    return True
                raise

        async def work() -> None:
            while await goes_on():
                pass

        await asyncio.gather(work(), work(), work())
        action = await finished(service, action_id)
        assert action["result"]["created_count"] == 12_000
        async with database.reading() as session:
            assert await session.scalar(text("SELECT count(*) FROM action_parts")) == 0
