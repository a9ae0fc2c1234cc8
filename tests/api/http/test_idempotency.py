"""Idempotency-Key: the first answer, again and only again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from domain.refusals import IdempotencyInProgress
from domain.roles import Role
from store.access.idempotency import Answer, KeyLock, claim, keep, release
from store.database import Database, now
from store.tables import Campaign, Customer, IdempotentAnswer
from tests.api.api_app import client_of, headers_for
from tests.api.api_bodies import campaign_body, event_body, made, refused, share
from tests.builders import alter, one, rows

Count = Callable[[], Awaitable[dict[str, int]]]
KEY = {"Idempotency-Key": "key-1"}


class TestOverHttp:
    async def test_a_repeat_gets_the_first_answer(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        body = campaign_body()
        responses = [await service.post("/v1/campaigns", json=body, headers=KEY) for _ in range(3)]
        assert {response.status_code for response in responses} == {200}
        assert len({response.content for response in responses}) == 1
        assert "idempotent-replayed" not in responses[0].headers
        assert responses[1].headers["idempotent-replayed"] == "true"
        assert responses[1].headers["content-type"] == "application/json"
        assert len(await rows(database, Campaign)) == 1

    async def test_a_refusal_for_the_body_is_replayed_too(self, service: httpx.AsyncClient) -> None:
        body = {"source_id": "x", "email": "bad"}
        first, second = [
            await service.post("/v1/customers", json=body, headers=KEY) for _ in range(2)
        ]
        refused(first, 400, "invalid_payload")
        assert second.json() == first.json()

    async def test_a_refusal_of_a_paused_campaign_is_not_replayed_once_it_is_enabled(
        self, service: httpx.AsyncClient
    ) -> None:
        shared = await share(service)
        path = f"/v1/campaigns/{shared.campaign_id}"
        await made(service.post(f"{path}/disable"))
        body = event_body(shared.code)
        for _ in range(2):
            refused(
                await service.post("/v1/events", json=body, headers=KEY), 400, "campaign_not_live"
            )
        await made(service.post(f"{path}/enable"))
        converted = await made(service.post("/v1/events", json=body, headers=KEY))
        assert converted["referral"] is not None

    async def test_a_not_found_answer_is_not_replayed_once_the_thing_exists(
        self, service: httpx.AsyncClient
    ) -> None:
        body = {"campaign": {"name": "Later"}, "customer": {"source_id": "a"}}
        first = await service.post("/v1/publications", json=body, headers=KEY)
        refused(first, 404, "resource_not_found")
        await made(service.post("/v1/campaigns", json=campaign_body(name="Later")))
        await made(service.post("/v1/publications", json=body, headers=KEY))

    async def test_other_body_or_path(self, service: httpx.AsyncClient, count_rows: Count) -> None:
        await made(service.post("/v1/customers", json={"source_id": "a"}, headers=KEY))
        before = await count_rows()
        for path, body in (
            ("/v1/customers", {"source_id": "b"}),
            ("/v1/customers?x=1", {"source_id": "a"}),
            ("/v1/campaigns", campaign_body()),
        ):
            response = await service.post(path, json=body, headers=KEY)
            refused(response, 422, "idempotency_key_reused")
        assert await count_rows() == before

    async def test_each_credential_has_its_own(
        self, service: httpx.AsyncClient, app: FastAPI, database: Database
    ) -> None:
        async with client_of(app, await headers_for(database, Role.SERVICE)) as other:
            for client, name in ((service, "a"), (other, "b")):
                await made(client.post("/v1/customers", json={"source_id": name}, headers=KEY))
        assert len(await rows(database, Customer)) == 2

    async def test_twenty_repeats_at_once_run_once(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        body = campaign_body()
        responses = await asyncio.gather(
            *(service.post("/v1/campaigns", json=body, headers=KEY) for _ in range(20))
        )
        for response in responses:
            if response.status_code != 200:
                refused(response, 409, "idempotency_in_progress")
        assert any(response.status_code == 200 for response in responses)
        assert len({response.content for response in responses if response.is_success}) == 1
        assert len(await rows(database, Campaign)) == 1

    async def test_forbidden_is_not_kept(
        self, finance: httpx.AsyncClient, database: Database
    ) -> None:
        refused(await finance.post("/v1/customers", json={}, headers=KEY), 403, "forbidden")
        assert await rows(database, IdempotentAnswer) == []

    async def test_own_failure_is_not_kept(
        self, service: httpx.AsyncClient, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def fail(*_: Any) -> None:
            raise KeyError

        with monkeypatch.context() as patched:
            patched.setattr("store.customers.upsert._insert", fail)
            response = await service.post("/v1/customers", json={"source_id": "a"}, headers=KEY)
            refused(response, 500, "internal_error")
        assert await rows(database, IdempotentAnswer) == []
        await made(service.post("/v1/customers", json={"source_id": "a"}, headers=KEY))

    @pytest.mark.parametrize("key", ["", "k" * 256])
    async def test_a_malformed_request_is_refused(
        self, service: httpx.AsyncClient, key: str
    ) -> None:
        response = await service.post(
            "/v1/customers", json={"source_id": "a"}, headers={"Idempotency-Key": key}
        )
        refused(response, 400, "invalid_payload")


class TestClaims:
    async def test_running_then_lapsed(self, database: Database) -> None:
        first = await claim(database, "app", "k", "hash")
        assert isinstance(first, KeyLock)
        with pytest.raises(IdempotencyInProgress):
            await claim(database, "app", "k", "hash")
        died = now() - timedelta(seconds=61)
        await alter(database, await one(database, IdempotentAnswer), started_at=died)
        second = await claim(database, "app", "k", "hash")
        assert isinstance(second, KeyLock)
        # The first run wakes up after all: its answer and its release come too late.
        await keep(database, first, Answer(200, "application/json", b"first"))
        await release(database, first)
        assert (await one(database, IdempotentAnswer)).status is None
        await keep(database, second, Answer(201, "application/json", b"second"))
        assert await claim(database, "app", "k", "hash") == Answer(
            201, "application/json", b"second"
        )

    async def test_one_of_many_takes_a_lapsed_one(self, database: Database) -> None:
        await claim(database, "app", "k", "hash")
        died = now() - timedelta(seconds=61)
        await alter(database, await one(database, IdempotentAnswer), started_at=died)
        claims = await asyncio.gather(
            *(claim(database, "app", "k", "hash") for _ in range(10)), return_exceptions=True
        )
        assert sum(isinstance(one, KeyLock) for one in claims) == 1
