"""A change by the customer keeps what was there before; a correction by staff does not."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from domain.roles import Role
from store.database import Database
from store.tables import ErasedMark, PersonMark
from tests.api.api_app import client_of, headers_for
from tests.api.api_bodies import campaign_body, made, person
from tests.builders import rows


async def mend(app: FastAPI, database: Database, role: Role, **headers: str) -> list[PersonMark]:
    """A new customer's address is changed with a key of this role; what is kept of it."""
    keys = await headers_for(database, role)
    async with client_of(app, keys | headers) as client:
        friend = person(email="wrong@example.com")
        customer = await made(client.post("/v1/customers", json=friend))
        path = f"/v1/customers/{customer['id']}"
        await made(client.put(path, json={"email": "right@example.com"}))
    return await rows(database, PersonMark, customer_id=customer["id"])


@pytest.mark.parametrize(
    ("role", "headers", "kept"),
    [
        (Role.SERVICE, {}, ["right@example.com", "wrong@example.com"]),
        (Role.ADMIN, {}, ["right@example.com", "wrong@example.com"]),
        (Role.SUPPORT, {}, ["right@example.com"]),
        (Role.ADMIN, {"X-Guerdon-Actor": "ann@acme.com"}, ["right@example.com"]),
    ],
)
async def test_who_changed_the_address_decides_whether_the_old_one_is_kept(
    app: FastAPI, database: Database, role: Role, headers: dict[str, str], kept: list[str]
) -> None:
    marks = await mend(app, database, role, **headers)
    assert sorted(mark.value for mark in marks) == kept


async def test_a_service_key_is_not_treated_as_staff(app: FastAPI, database: Database) -> None:
    marks = await mend(app, database, Role.SERVICE, **{"X-Guerdon-Actor": "ann@acme.com"})
    assert len(marks) == 2


async def test_erasing_leaves_keyed_hashes_only(
    service: httpx.AsyncClient, database: Database
) -> None:
    friend = person(email="first@example.com", phone="+12175550123")
    customer = await made(service.post("/v1/customers", json=friend))
    await made(service.post("/v1/customers", json=friend | {"email": "second@example.com"}))
    assert (await service.delete(f"/v1/customers/{customer['id']}")).status_code == 204
    assert await rows(database, PersonMark) == []
    kept = await rows(database, ErasedMark)
    assert sorted(mark.kind for mark in kept) == ["email", "email", "phone"]
    assert len({mark.mark for mark in kept}) == 3


class TestSharedAddresses:
    async def _program(self, client: httpx.AsyncClient, fraud: dict[str, Any]) -> httpx.Response:
        return await client.post("/v1/campaigns", json=campaign_body({"fraud": fraud}))

    async def test_are_part_of_the_terms(self, admin: httpx.AsyncClient) -> None:
        given = ["*@relay.example.com", "+1 217 555 0100", "1 Market Street*"]
        answer = await self._program(admin, {"shared": given})
        assert answer.status_code == 200, answer.text
        path = f"/v1/campaigns/{answer.json()['id']}"
        program = (await made(admin.get(path)))["referral_program"]
        assert program["fraud"]["shared"] == given

    @pytest.mark.parametrize("shared", ["*@relay.example.com", [""], ["x" * 255], [7]])
    async def test_are_a_list_of_patterns(self, admin: httpx.AsyncClient, shared: Any) -> None:
        answer = await self._program(admin, {"shared": shared})
        assert answer.status_code == 400, answer.text
        assert answer.json()["errors"][0]["pointer"].startswith("/referral_program/fraud/shared")
