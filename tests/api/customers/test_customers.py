"""Customers: upsert on source_id or id, reading them back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from store.database import Database
from store.tables import Customer, Event
from tests.api.api_bodies import event_body, made, person, refused, share
from tests.builders import rows

Count = Callable[[], Awaitable[dict[str, int]]]

JANE: dict[str, Any] = {
    "source_id": "jane",
    "name": "Jane Doe",
    "email": "jane@acme.com",
    "phone": "+15550001",
    "description": "Regular",
    "birthdate": "1990-02-28",
    "address": {"line_1": "1 Main Street", "city": "Springfield", "country": "US"},
    "metadata": {"lang": "en", "tags": ["a", {"b": 1}]},
}


class TestUpsert:
    async def test_an_unknown_customer_is_created(self, service: httpx.AsyncClient) -> None:
        answer = await made(service.post("/v1/customers", json=JANE))
        assert answer["id"].startswith("cust_")
        assert answer["object"] == "customer"
        for member in ("source_id", "name", "email", "phone", "description", "metadata"):
            assert answer[member] == JANE[member]
        assert answer["birthdate"] == answer["birthday"] == "1990-02-28"
        assert answer["address"]["line_1"] == "1 Main Street"
        assert answer["created_at"].endswith("Z")
        assert answer["updated_at"] is None

    async def test_merged_by_source_id(self, service: httpx.AsyncClient) -> None:
        first = await made(service.post("/v1/customers", json=JANE))
        change = {
            "source_id": "jane",
            "name": None,
            "phone": "+15550002",
            "address": {"city": "Shelbyville", "country": None},
            "metadata": {"lang": "de"},
        }
        second = await made(service.post("/v1/customers", json=change))
        assert second["id"] == first["id"]
        assert (second["name"], second["phone"]) == ("Jane Doe", "+15550002")
        assert second["address"]["city"] == "Shelbyville"
        assert second["address"]["line_1"] == "1 Main Street"
        assert second["address"]["country"] == "US"
        assert second["metadata"] == {"lang": "de", "tags": ["a", {"b": 1}]}
        assert second["updated_at"] is not None

    async def test_id_wins_and_source_id_never_changes(self, service: httpx.AsyncClient) -> None:
        jane = await made(service.post("/v1/customers", json=JANE))
        joe = await made(service.post("/v1/customers", json={"source_id": "joe"}))
        body = {"id": jane["id"], "source_id": "joe", "name": "Jane Roe"}
        answer = await made(service.post("/v1/customers", json=body))
        assert (answer["id"], answer["source_id"]) == (jane["id"], "jane")
        assert answer["name"] == "Jane Roe"
        assert (await made(service.get("/v1/customers/joe"))) | {"referrals": None} == joe

    async def test_source_id_given_later_to_one_without(self, service: httpx.AsyncClient) -> None:
        nobody = await made(service.post("/v1/customers", json={"name": "N"}))
        assert nobody["source_id"] is None
        body = {"id": nobody["id"], "source_id": "now-known"}
        assert (await made(service.post("/v1/customers", json=body)))["source_id"] == "now-known"
        other = await made(service.post("/v1/customers", json={}))
        taken = await service.post("/v1/customers", json=body | {"id": other["id"]})
        refused(taken, 409, "duplicate_found", "/source_id")

    async def test_an_unknown_id_is_refused(
        self, service: httpx.AsyncClient, count_rows: Count
    ) -> None:
        before = await count_rows()
        response = await service.post("/v1/customers", json={"id": "cust_x", "source_id": "s"})
        refused(response, 404, "resource_not_found")
        assert await count_rows() == before

    async def test_null_metadata_and_birthday(self, service: httpx.AsyncClient) -> None:
        body = {"source_id": "x", "metadata": None, "birthday": "2000-01-01", "address": None}
        answer = await made(service.post("/v1/customers", json=body))
        assert (answer["metadata"], answer["birthdate"]) == ({}, "2000-01-01")

    async def test_twenty_at_once_are_one(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        bodies = [{"source_id": "same", "metadata": {f"m{n}": n}} for n in range(20)]
        answers = await asyncio.gather(
            *(made(service.post("/v1/customers", json=body)) for body in bodies)
        )
        assert len({answer["id"] for answer in answers}) == 1
        (customer,) = await rows(database, Customer, source_id="same")
        assert len(customer.attributes) == 20

    async def test_the_change_is_recorded_as_an_event(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        for body in (JANE, JANE, JANE | {"name": "Jane Roe"}):
            await made(service.post("/v1/customers", json=body))
        events = await rows(database, Event)
        told = [event.type for event in events if event.type.startswith("customer")]
        assert told == ["customer.created", "customer.updated"]

    @pytest.mark.parametrize(
        ("member", "value"),
        [
            ("email", "not-an-address"),
            ("email", "a@b"),
            ("email", "a b@acme.com"),
            ("email", "a" * 250 + "@acme.com"),
            ("source_id", ""),
            ("source_id", "a" * 256),
            ("source_id", 7),
            ("name", "a" * 256),
            ("name", ["x"]),
            ("birthdate", "yesterday"),
            ("birthdate", "2024-02-30"),
            ("metadata", "x"),
            ("address", "x"),
        ],
    )
    async def test_a_malformed_request_is_refused(
        self, unchanged: httpx.AsyncClient, member: str, value: Any
    ) -> None:
        body = {"source_id": "x"} | {member: value}
        response = await unchanged.post("/v1/customers", json=body)
        refused(response, 400, "invalid_payload", f"/{member}")

    async def test_a_reserved_email_domain_is_accepted(self, service: httpx.AsyncClient) -> None:
        body = {"source_id": "x", "email": "x@shop.test"}
        assert (await made(service.post("/v1/customers", json=body)))["email"] == "x@shop.test"


class TestRead:
    async def test_by_id_and_source_id(self, service: httpx.AsyncClient) -> None:
        jane = await made(service.post("/v1/customers", json=JANE))
        for ref in (jane["id"], "jane"):
            assert (await made(service.get(f"/v1/customers/{ref}")))["id"] == jane["id"]

    async def test_an_unknown_id_is_not_found(self, service: httpx.AsyncClient) -> None:
        response = await service.get("/v1/customers/nobody")
        refused(response, 404, "resource_not_found")
        assert response.json()["resource_id"] == "nobody"

    async def test_says_who_referred(self, service: httpx.AsyncClient) -> None:
        shared = await share(service)
        friend = person()
        await made(service.post("/v1/events", json=event_body(shared.code, friend)))
        answer = await made(service.get(f"/v1/customers/{friend['source_id']}"))
        (campaign,) = answer["referrals"]["campaigns"]
        assert answer["referrals"]["total"] == 1
        assert campaign["campaign_id"] == shared.campaign_id

    async def test_the_list_comes_in_pages(self, service: httpx.AsyncClient) -> None:
        for n in range(5):
            await made(service.post("/v1/customers", json={"source_id": f"c{n}"}))
        first = await made(service.get("/v1/customers?limit=2"))
        assert [one["source_id"] for one in first["data"]] == ["c4", "c3"]
        assert (first["total"], first["has_more"], first["data_ref"]) == (5, True, "data")
        assert first["customers"] == first["data"]
        after = first["data"][-1]["id"]
        rest = await made(service.get(f"/v1/customers?limit=3&starting_after_id={after}"))
        assert [one["source_id"] for one in rest["data"]] == ["c2", "c1", "c0"]
        assert (rest["total"], rest["has_more"]) == (5, False)
        third = await made(service.get("/v1/customers?limit=2&page=3"))
        assert [one["source_id"] for one in third["data"]] == ["c0"]

    async def test_the_list_can_be_filtered(self, service: httpx.AsyncClient) -> None:
        await made(service.post("/v1/customers", json=JANE))
        await made(service.post("/v1/customers", json={"source_id": "joe"}))
        for query in ("email=jane@acme.com", "email=Jane@ACME.com", "name=Jane Doe"):
            found = await made(service.get(f"/v1/customers?{query}"))
            assert [one["source_id"] for one in found["data"]] == ["jane"]
            assert found["total"] == 1
