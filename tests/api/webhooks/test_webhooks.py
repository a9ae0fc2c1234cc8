"""Outgoing webhooks over HTTP: what admins say, and what is kept of it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from store.database import Database
from store.tables import Event, IdempotentAnswer, SigningSecret, Webhook
from tests.api.api_bodies import made, refused
from tests.builders import one, rows

BODY: dict[str, Any] = {"url": "https://acme.example/hook", "events": ["lane.*"]}


class TestAWebhook:
    async def test_is_created_read_changed_and_deleted(
        self, admin: httpx.AsyncClient, database: Database
    ) -> None:
        created = await made(admin.post("/v1/webhooks", json=BODY), 201)
        assert created["secret"].startswith("whsec_")
        path = f"/v1/webhooks/{created['id']}"
        read = await made(admin.get(path))
        assert read == {name: value for name, value in created.items() if name != "secret"}
        assert (read["url"], read["events"]) == (BODY["url"], BODY["events"])
        assert (read["failing_since"], read["failures"], read["behind"]) == (None, 0, 0)
        changed = await made(admin.put(path, json={"events": ["*"]}))
        assert (changed["url"], changed["events"]) == (BODY["url"], ["*"])
        assert changed["behind"] == 2
        assert (await made(admin.get("/v1/webhooks")))["data"][0]["id"] == created["id"]
        assert (await admin.delete(path)).status_code == 204
        refused(await admin.get(path), 404, "resource_not_found")
        refused(await admin.delete(path), 404, "resource_not_found")
        refused(await admin.put(path, json={}), 404, "resource_not_found")
        assert await rows(database, SigningSecret) == []
        told = [event.type for event in await rows(database, Event) if "webhook" in event.type]
        assert told == ["webhook.created", "webhook.updated", "webhook.deleted"]

    async def test_keeps_its_secret_encrypted_and_shows_it_once(
        self, admin: httpx.AsyncClient, database: Database
    ) -> None:
        headers = {"Idempotency-Key": "once"}
        created = await made(admin.post("/v1/webhooks", json=BODY, headers=headers), 201)
        again = await admin.post("/v1/webhooks", json=BODY, headers=headers)
        assert (again.status_code, again.json()) == (201, created)
        assert again.headers["content-type"] == "application/json"
        assert len(await rows(database, Webhook)) == 1
        secret = created["secret"].encode()
        assert secret not in (await one(database, SigningSecret)).ciphertext
        assert secret not in ((await one(database, IdempotentAnswer)).body or b"")
        assert "whsec_" not in (await admin.get("/v1/webhooks")).text

    @pytest.mark.parametrize(
        ("change", "pointer"),
        [
            ({"url": "ftp://acme.example"}, "/url"),
            ({"url": "https://me:word@acme.example"}, "/url"),
            ({"url": "https://a..b/"}, "/url"),
            ({"url": f"https://{'a' * 64}.example/"}, "/url"),
            ({"url": f"https://{'a.' * 130}example/"}, "/url"),
            ({"url": None}, "/url"),
            ({"events": []}, "/events"),
            ({"events": ["*.stopped"]}, "/events/0"),
            ({"secret": "mine"}, "/secret"),
        ],
        ids=str,
    )
    async def test_a_malformed_request_is_refused(
        self, admin: httpx.AsyncClient, change: dict[str, Any], pointer: str
    ) -> None:
        refused(
            await admin.post("/v1/webhooks", json=BODY | change), 400, "invalid_payload", pointer
        )

    async def test_is_admins_alone(
        self,
        service: httpx.AsyncClient,
        support: httpx.AsyncClient,
        finance: httpx.AsyncClient,
    ) -> None:
        for client in (service, support, finance):
            refused(await client.post("/v1/webhooks", json=BODY), 403, "forbidden")
            refused(await client.get("/v1/webhooks"), 403, "forbidden")
            refused(await client.delete("/v1/webhooks/wh_1"), 403, "forbidden")
