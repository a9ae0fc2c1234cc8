"""Credentials: created, listed, limited, revoked, and what wrong ones leave behind."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select, update
from sqlmodel import col

from api.http import wrong_tokens
from domain.roles import Role
from store.access.api_keys import NewKey, create, revoke
from store.database import Database, now
from store.tables import ApiKey, Event
from tests.api.api_app import client_of, headers_for
from tests.api.api_bodies import campaign_body, made, refused, share


def _headers(key: dict[str, Any]) -> dict[str, str]:
    return {"X-App-Id": key["id"], "X-App-Token": key["token"]}


async def _facts(database: Database, type: str) -> list[Event]:
    async with database.reading() as session:
        return list(await session.scalars(select(Event).where(col(Event.type) == type)))


class TestKeys:
    async def test_a_created_key_works_and_its_token_is_shown_once(
        self, app: FastAPI, admin: httpx.AsyncClient
    ) -> None:
        body = {"name": "Shop backend", "role": "service"}
        key = await made(admin.post("/v1/keys", json=body), 201)
        assert (key["name"], key["role"], key["last_used_at"]) == ("Shop backend", "service", None)
        async with client_of(app, _headers(key)) as client:
            await made(client.get("/v1/customers"))
        one = await made(admin.get(f"/v1/keys/{key['id']}"))
        listed = await made(admin.get("/v1/keys"))
        assert "token" not in one
        assert key["token"] not in str(listed)
        assert one["last_used_at"] is not None
        assert [each["name"] for each in listed["data"]] == ["Shop backend", ""]

    async def test_a_repeat_of_the_request_answers_the_same_token(
        self, admin: httpx.AsyncClient, database: Database
    ) -> None:
        body = {"name": "Shop", "role": "service"}
        headers = {"Idempotency-Key": "one key"}
        first = await made(admin.post("/v1/keys", json=body, headers=headers), 201)
        again = await made(admin.post("/v1/keys", json=body, headers=headers), 201)
        assert again == first
        assert len(await _facts(database, "key.created")) == 2  # the admin's own, and this one

    async def test_a_revoked_key_is_refused_at_once(
        self, app: FastAPI, admin: httpx.AsyncClient, database: Database
    ) -> None:
        key = await made(admin.post("/v1/keys", json={"name": "x", "role": "service"}), 201)
        async with client_of(app, _headers(key)) as client:
            await made(client.get("/v1/customers"))
            assert (await admin.delete(f"/v1/keys/{key['id']}")).status_code == 204
            refused(await client.get("/v1/customers"), 401, "unauthorized")
        assert (await made(admin.get(f"/v1/keys/{key['id']}")))["revoked_at"] is not None
        (fact,) = await _facts(database, "key.revoked")
        assert fact.data == {"app_id": key["id"]}

    async def test_a_key_revoked_by_another_process_is_refused_within_seconds(
        self, app: FastAPI, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(app.state.resources.keyring, "_seconds", 0)
        headers = await headers_for(database, Role.SERVICE)
        async with client_of(app, headers) as client:
            await made(client.get("/v1/customers"))
            async with database.transaction() as tx:
                await revoke(tx, headers["X-App-Id"])
            refused(await client.get("/v1/customers"), 401, "unauthorized")

    async def test_a_key_is_refused_from_its_expiry_on(
        self, app: FastAPI, database: Database, admin: httpx.AsyncClient
    ) -> None:
        async with database.transaction() as tx:
            new = NewKey(Role.SERVICE, "trial", (), now() + timedelta(days=1))
            app_id, token = await create(tx, new)
        async with client_of(app, {"X-App-Id": app_id, "X-App-Token": token}) as client:
            await made(client.get("/v1/customers"))
            async with database.transaction() as tx:
                ended = update(ApiKey).where(col(ApiKey.app_id) == app_id)
                await tx.session.execute(ended.values(expires_at=now() - timedelta(seconds=1)))
            app.state.resources.keyring.forget(app_id)
            refused(await client.get("/v1/customers"), 401, "unauthorized")
        past = {"name": "x", "role": "service", "expires_at": "2020-01-01T00:00:00Z"}
        refused(await admin.post("/v1/keys", json=past), 400, "invalid_payload", "/expires_at")

    async def test_a_scope_opens_what_the_role_does_not(
        self, app: FastAPI, admin: httpx.AsyncClient
    ) -> None:
        plain = await made(admin.post("/v1/keys", json={"name": "a", "role": "service"}), 201)
        body = {"name": "b", "role": "service", "scopes": ["webhooks", "event_log"]}
        wide = await made(admin.post("/v1/keys", json=body), 201)
        async with client_of(app, _headers(plain)) as client:
            for path in ("/v1/webhooks", "/v1/event-log"):
                refused(await client.get(path), 403, "forbidden")
        async with client_of(app, _headers(wide)) as client:
            for path in ("/v1/webhooks", "/v1/event-log"):
                await made(client.get(path))
            refused(await client.get("/v1/keys"), 403, "forbidden")
        unknown = {"name": "c", "role": "service", "scopes": ["all"]}
        refused(await admin.post("/v1/keys", json=unknown), 400, "invalid_payload", "/scopes/0")


class TestWrongTokens:
    async def test_many_are_throttled_and_leave_a_fact(
        self, app: FastAPI, database: Database
    ) -> None:
        right = await headers_for(database, Role.SERVICE)
        wrong = right | {"X-App-Token": "gd_" + "a" * 40}
        async with client_of(app, wrong) as client:
            answers = [await client.get("/v1/customers") for _ in range(wrong_tokens.MOST + 2)]
        for answer in answers:
            refused(answer, 401, "unauthorized")
        waits = ["retry-after" in answer.headers for answer in answers]
        assert waits == [False] * (wrong_tokens.MOST - 1) + [True] * 3
        (fact,) = await _facts(database, "key.wrong_tokens")
        assert fact.data == {"app_id": right["X-App-Id"], "count": wrong_tokens.MOST}

    async def test_unknown_ids_are_throttled_and_their_words_are_kept_nowhere(
        self, app: FastAPI, database: Database
    ) -> None:
        guesses = [{"X-App-Id": f"jane-{n}@acme.com", "X-App-Token": "x"} for n in range(12)]
        async with client_of(app) as client:
            answers = [await client.get("/v1/customers", headers=guess) for guess in guesses]
        assert "retry-after" in answers[-1].headers
        (fact,) = await _facts(database, "key.wrong_tokens")
        assert fact.data["app_id"] is None
        assert "jane" not in fact.model_dump_json()

    async def test_a_valid_token_never_waits(self, app: FastAPI, database: Database) -> None:
        right = await headers_for(database, Role.SERVICE)
        async with client_of(app, right) as client:
            await made(client.get("/v1/customers"))
            for _ in range(wrong_tokens.MOST + 2):
                await client.get("/v1/customers", headers={"X-App-Token": "gd_wrong"})
            await made(client.get("/v1/customers"))


class TestActors:
    async def test_the_person_behind_a_shared_key_stands_in_the_timeline(
        self, app_with_temporal: FastAPI, database: Database
    ) -> None:
        async with database.transaction() as tx:
            app_id, token = await create(tx, NewKey(Role.ADMIN, "Support desk"))
        headers = {"X-App-Id": app_id, "X-App-Token": token}
        async with client_of(app_with_temporal, headers) as client:
            shared = await share(client)
            body = {"code": shared.code, "customer": {"source_id": "friend"}}
            referral = await made(client.post("/v1/referrals", json=body), 201)
            path = f"/v1/referrals/{referral['id']}"
            maria = {"X-Guerdon-Actor": "María López".encode()}
            reversal = {"reason": "bought nothing"}
            await made(client.post(f"{path}/reverse", json=reversal, headers=maria))
            told = (await made(client.get(f"{path}/timeline")))["data"]
        asked = [one for one in told if one["source"] == "staff"]
        assert {one["actor_name"] for one in asked} == {"María López"}
        assert all(one["actor"].startswith("act_") for one in asked)

    async def test_without_the_header_the_key_s_own_name_is_shown(
        self, app_with_temporal: FastAPI, database: Database
    ) -> None:
        async with database.transaction() as tx:
            app_id, token = await create(tx, NewKey(Role.ADMIN, "Support desk"))
        headers = {"X-App-Id": app_id, "X-App-Token": token}
        async with client_of(app_with_temporal, headers) as client:
            shared = await share(client)
            body = {"code": shared.code, "customer": {"source_id": "friend"}}
            referral = await made(client.post("/v1/referrals", json=body), 201)
            path = f"/v1/referrals/{referral['id']}"
            await made(client.post(f"{path}/reverse", json={"reason": "bought nothing"}))
            told = (await made(client.get(f"{path}/timeline")))["data"]
        asked = [one for one in told if one["source"] == "staff"]
        assert {(one["actor"], one["actor_name"]) for one in asked} == {(app_id, "Support desk")}

    @pytest.mark.parametrize("name", ["", " ", "x" * 101, "two\tcolumns"])
    async def test_a_name_that_is_none_is_refused(
        self, admin: httpx.AsyncClient, name: str
    ) -> None:
        headers = {"X-Guerdon-Actor": name}
        response = await admin.post("/v1/campaigns", json=campaign_body(), headers=headers)
        refused(response, 400, "invalid_payload")
