"""Paths as clients write them."""

from __future__ import annotations

from urllib.parse import quote

import httpx
from fastapi import FastAPI

from domain.roles import Role
from store.database import Database
from tests.api.api_app import client_of, headers_for
from tests.api.api_bodies import campaign_body, made, person, refused, share


async def test_a_slash_behind_changes_nothing(service: httpx.AsyncClient) -> None:
    jane = await made(service.post("/v1/customers/", json=person(source_id="jane")))
    assert (await made(service.get("/v1/customers/jane/")))["id"] == jane["id"]
    shared = await share(service)
    off = await made(service.post(f"/v1/vouchers/{shared.code}/disable/"))
    assert off["active"] is False
    refused(await service.post("/v1/nothing/"), 404, "resource_not_found")


async def test_a_source_id_with_a_slash_is_found(service: httpx.AsyncClient) -> None:
    jane = await made(service.post("/v1/customers", json=person(source_id="shop/7/jane")))
    path = f"/v1/customers/{quote('shop/7/jane', safe='')}"
    assert (await made(service.get(path)))["id"] == jane["id"]
    assert (await made(service.get(f"{path}/activity")))["data"]
    assert (await made(service.get(path.replace("%2F", "%2f"))))["id"] == jane["id"]
    refused(await service.get("/v1/customers/shop/7/jane"), 404, "resource_not_found")


async def test_a_campaign_with_a_slash_in_its_name_is_found(service: httpx.AsyncClient) -> None:
    made_ = await made(service.post("/v1/campaigns", json=campaign_body(name="Spring/Summer 100%")))
    path = f"/v1/campaigns/{quote('Spring/Summer 100%', safe='')}"
    assert (await made(service.get(path)))["id"] == made_["id"]
    changed = await made(service.put(path, json={"description": "both"}))
    assert changed["description"] == "both"


async def test_paths_are_restored_for_every_role_and_without_credentials(
    app: FastAPI, database: Database
) -> None:
    async with client_of(app, await headers_for(database, Role.SUPPORT)) as support:
        refused(await support.get("/v1/customers/a%2Fb"), 404, "resource_not_found")
    async with client_of(app) as nobody:
        refused(await nobody.get("/v1/customers/a%2Fb/"), 401, "unauthorized")
