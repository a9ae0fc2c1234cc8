"""Exports over HTTP, with the official client's own models, and files of many rows."""

from __future__ import annotations

import csv
import io
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from voucherify.models.export import Export
from voucherify.models.exports_create_response_body import ExportsCreateResponseBody
from voucherify.models.exports_list_response_body import ExportsListResponseBody

from store.database import Database
from store.exports.objects import OBJECTS
from tests.api.api_bodies import event_body, made, person, redemption_body, refused, share


async def rows_of(client: httpx.AsyncClient, kind: str, **parameters: Any) -> list[dict[str, str]]:
    """The rows of a fresh file."""
    body = {"exported_object": kind, "parameters": parameters or None}
    export = await made(client.post("/v1/exports", json=body))
    done = await made(client.get(f"/v1/exports/{export['id']}"))
    file = await client.get(done["result"]["url"])
    assert file.status_code == 200, file.text
    assert file.headers["content-type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(file.text)))


class TestFiles:
    async def test_customers(self, service: httpx.AsyncClient) -> None:
        jane = person(name="Jäne, Doe", email="jane@acme.com", metadata={"plan": "pro"})
        await made(service.post("/v1/customers", json=jane))
        fields = ["source_id", "name", "metadata.plan", "address_city"]
        (row,) = await rows_of(service, "customer", fields=fields)
        assert row == {
            "source_id": jane["source_id"],
            "name": "Jäne, Doe",
            "metadata.plan": "pro",
            "address_city": "",
        }

    async def test_vouchers_and_publications(self, service: httpx.AsyncClient) -> None:
        shared = await share(service)
        vouchers = await rows_of(service, "voucher")
        assert shared.code in [row["code"] for row in vouchers]
        assert {row["campaign"] for row in vouchers} == {shared.campaign}
        (row,) = await rows_of(service, "publication")
        assert (row["code"], row["channel"]) == (shared.code, "API")

    async def test_redemptions_filtered_and_ordered(self, service: httpx.AsyncClient) -> None:
        shared, other = await share(service), await share(service)
        amounts = [100, 300, 200]
        for amount in amounts:
            body = redemption_body(shared.code, order={"amount": amount})
            await made(service.post("/v1/redemptions", json=body))
        await made(service.post("/v1/redemptions", json=redemption_body(other.code)))
        filters = {"campaign_id": {"conditions": {"$is": [shared.campaign_id]}}}
        fields = ["order_amount", "result", "voucher_code"]
        rows = await rows_of(
            service, "redemption", fields=fields, order="-order_amount", filters=filters
        )
        assert [row["order_amount"] for row in rows] == ["300", "200", "100"]
        assert {row["result"] for row in rows} == {"SUCCESS"}
        either = filters | {
            "junction": "OR",
            "voucher_code": {"conditions": {"$in": [other.code]}},
        }
        assert len(await rows_of(service, "redemption", filters=either)) == 4

    @pytest.mark.parametrize("kind", OBJECTS)
    async def test_every_field_filters_and_orders(
        self, service: httpx.AsyncClient, kind: str
    ) -> None:
        for field in [*OBJECTS[kind].fields, "metadata", "metadata.x"]:
            for word in ("$is", "$is_not", "$starts_with", "$contains"):
                filters = {field: {"conditions": {word: ["it's 5% :x"]}}}
                assert await rows_of(service, kind, order=field, filters=filters) == []

    async def test_hold_what_there_was_when_they_were_asked_for(
        self, service: httpx.AsyncClient
    ) -> None:
        await made(service.post("/v1/customers", json=person()))
        export = await made(service.post("/v1/exports", json={"exported_object": "customer"}))
        await made(service.post("/v1/customers", json=person()))
        done = await made(service.get(f"/v1/exports/{export['id']}"))
        file = await service.get(done["result"]["url"])
        assert len(file.text.splitlines()) == 2

    async def test_ten_thousand_rows_arrive(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        async with database.transaction() as tx:
            await tx.session.execute(
                text(
                    "INSERT INTO customers (id, source_id, attributes, created_at)"
                    " SELECT 'cust_' || n, 'u' || n, '{}', now() FROM generate_series(1, 10000) n"
                )
            )
        rows = await rows_of(service, "customer", fields=["source_id"])
        assert len({row["source_id"] for row in rows}) == 10_000


class TestRefusals:
    @pytest.mark.parametrize(
        ("body", "pointer"),
        [
            ({"exported_object": "sku"}, "/exported_object"),
            ({"exported_object": "customer", "parameters": {"fields": ["secret"]}}, None),
            ({"exported_object": "customer", "parameters": {"order": "x"}}, "/parameters/order"),
            (
                {
                    "exported_object": "customer",
                    "parameters": {"filters": {"name": {"conditions": {"$regex": ["x"]}}}},
                },
                "/parameters/filters/name/conditions/$regex",
            ),
            (
                {"exported_object": "customer", "parameters": {"filters": {"name": "x"}}},
                "/parameters/filters/name",
            ),
            (
                {
                    "exported_object": "customer",
                    "parameters": {"filters": {"created_at": {"conditions": {"$after": ["x"]}}}},
                },
                "/parameters/filters/created_at/conditions/$after",
            ),
        ],
    )
    async def test_an_impossible_export_is_refused(
        self, unchanged: httpx.AsyncClient, body: dict[str, Any], pointer: str | None
    ) -> None:
        answer = await unchanged.post("/v1/exports", json=body)
        refused(answer, 400, "invalid_payload", pointer)

    async def test_finance_gets_no_names(
        self, service: httpx.AsyncClient, finance: httpx.AsyncClient
    ) -> None:
        body = {"exported_object": "customer"}
        refused(await finance.post("/v1/exports", json=body), 403, "forbidden")
        export = await made(service.post("/v1/exports", json=body))
        done = await made(service.get(f"/v1/exports/{export['id']}"))
        refused(await finance.get(done["result"]["url"]), 403, "forbidden")
        assert await rows_of(finance, "redemption", fields=["id", "order_amount"]) == []

    async def test_unknown_and_deleted(self, service: httpx.AsyncClient) -> None:
        refused(await service.get("/v1/exports/exp_1"), 404, "resource_not_found")
        export = await made(service.post("/v1/exports", json={"exported_object": "voucher"}))
        assert (await service.delete(f"/v1/exports/{export['id']}")).status_code == 204
        refused(await service.get(f"/v1/exports/{export['id']}"), 404, "resource_not_found")
        refused(await service.delete(f"/v1/exports/{export['id']}"), 404, "resource_not_found")


class TestOfficialModels:
    async def test_read_every_answer(self, service: httpx.AsyncClient) -> None:
        await made(service.post("/v1/events", json=event_body((await share(service)).code)))
        asked = {"order": None, "fields": ["id"], "filters": None, "campaign_id": None}
        body = {"exported_object": "customer", "parameters": asked}
        created = await made(service.post("/v1/exports", json=body))
        assert ExportsCreateResponseBody.from_dict(created) is not None
        one = Export.from_dict(await made(service.get(f"/v1/exports/{created['id']}")))
        assert one is not None
        assert one.status == "DONE"
        listed = ExportsListResponseBody.from_dict(await made(service.get("/v1/exports")))
        assert listed is not None
        assert listed.total == 1
