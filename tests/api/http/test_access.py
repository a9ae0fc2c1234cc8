"""Credentials and roles."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from domain.roles import Role
from store.access.api_keys import create_key, create_key_sync, hash_token
from store.database import Database
from store.tables import ApiKey
from tests.api.api_app import client_of, headers_for
from tests.api.api_bodies import campaign_body, made, refused


class TestCredentials:
    async def test_none_or_half_or_unknown(self, anonymous: httpx.AsyncClient) -> None:
        half = {"X-App-Id": "app_x"}, {"X-App-Token": "gd_x"}
        for headers in ({}, *half, half[0] | half[1]):
            response = await anonymous.get("/v1/customers", headers=headers)
            refused(response, 401, "unauthorized")

    async def test_a_wrong_token_is_refused(self, app: FastAPI, database: Database) -> None:
        headers = await headers_for(database, Role.ADMIN)
        async with client_of(app, headers | {"X-App-Token": "gd_" + "a" * 40}) as client:
            refused(await client.get("/v1/customers"), 401, "unauthorized")

    async def test_another_key_s_token_is_refused(self, app: FastAPI, database: Database) -> None:
        one, other = [await headers_for(database, Role.SERVICE) for _ in range(2)]
        async with client_of(app, one | {"X-App-Token": other["X-App-Token"]}) as client:
            refused(await client.get("/v1/customers"), 401, "unauthorized")

    async def test_a_revoked_key_is_refused(self, app: FastAPI, database: Database) -> None:
        async with database.transaction() as tx:
            app_id, token = await create_key(tx, Role.SERVICE)
            (await tx.session.get_one(ApiKey, app_id)).revoked_at = tx.now
        async with client_of(app, {"X-App-Id": app_id, "X-App-Token": token}) as client:
            refused(await client.get("/v1/customers"), 401, "unauthorized")

    async def test_stored_as_hash_only(self, database: Database) -> None:
        async with database.transaction() as tx:
            app_id, token = await create_key(tx, Role.SERVICE)
        async with database.reading() as session:
            key = await session.get_one(ApiKey, app_id)
        assert token.startswith("gd_")
        assert len(token) == 43
        assert key.token_hash == hash_token(token)
        assert token not in key.model_dump_json()

    def test_command_makes_usable_ones(self, postgres_url: str) -> None:
        with pytest.raises(ValueError, match="guest"):
            create_key_sync(postgres_url, "guest")

    async def test_checked_before_the_body(self, anonymous: httpx.AsyncClient) -> None:
        refused(await anonymous.post("/v1/campaigns", content=b"{"), 401, "unauthorized")


_WRITES = ["/v1/campaigns", "/v1/publications", "/v1/referrals", "/v1/events", "/v1/redemptions"]
_ACTIONS: dict[str, dict[str, Any]] = {
    "/v1/grants/gr_x/retry": {},
    "/v1/grants/gr_x/cancel": {},
    "/v1/grants/gr_x/resend": {},
    "/v1/grants/gr_x/resolve": {"issued": True, "evidence": "their ticket"},
    "/v1/referrals/ref_x/approve": {},
    "/v1/referrals/ref_x/deny": {},
}
_READS = [
    "/v1/customers",
    "/v1/campaigns",
    "/v1/publications",
    "/v1/redemptions",
    "/v1/referrals",
    "/v1/grants",
]


class TestRoles:
    async def test_everybody_reads(
        self,
        service: httpx.AsyncClient,
        support: httpx.AsyncClient,
        finance: httpx.AsyncClient,
        admin: httpx.AsyncClient,
    ) -> None:
        for client in (service, support, finance, admin):
            for path in _READS:
                await made(client.get(path))

    async def test_staff_do_not_write_the_callers_part(
        self, support: httpx.AsyncClient, finance: httpx.AsyncClient
    ) -> None:
        for client in (support, finance):
            for path in _WRITES:
                refused(await client.post(path, json=campaign_body()), 403, "forbidden")

    async def test_only_support_acts_on_grants(
        self,
        service: httpx.AsyncClient,
        support: httpx.AsyncClient,
        finance: httpx.AsyncClient,
        admin: httpx.AsyncClient,
    ) -> None:
        for path, body in _ACTIONS.items():
            for client in (service, finance):
                refused(await client.post(path, json=body), 403, "forbidden")
            for client in (support, admin):
                refused(await client.post(path, json=body), 404, "resource_not_found")

    async def test_only_finance_reads_the_books(
        self,
        service: httpx.AsyncClient,
        support: httpx.AsyncClient,
        finance: httpx.AsyncClient,
        admin: httpx.AsyncClient,
    ) -> None:
        for client in (service, support):
            refused(await client.get("/v1/ledger/balances"), 403, "forbidden")
        refused(await service.get("/v1/gift-card-orders"), 403, "forbidden")
        for client in (finance, admin):
            await made(client.get("/v1/ledger/balances"))
        for client in (support, finance, admin):
            await made(client.get("/v1/gift-card-orders"))

    async def test_admin_writes(self, admin: httpx.AsyncClient) -> None:
        await made(admin.post("/v1/campaigns", json=campaign_body()))

    async def test_finance_sees_no_person(
        self, service: httpx.AsyncClient, support: httpx.AsyncClient, finance: httpx.AsyncClient
    ) -> None:
        jane = {
            "source_id": "jane",
            "name": "Jane Doe",
            "email": "jane@acme.com",
            "phone": "+1555",
            "metadata": {"shoe": 41},
        }
        await made(service.post("/v1/customers", json=jane))
        seen = await made(support.get("/v1/customers/jane"))
        masked = await made(finance.get("/v1/customers/jane"))
        assert (seen["name"], seen["email"]) == ("Jane Doe", "jane@acme.com")
        assert (masked["name"], masked["email"]) == ("J…", "j…@acme.com")
        assert (masked["phone"], masked["metadata"]) == (None, {})
