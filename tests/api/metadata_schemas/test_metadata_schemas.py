"""Schemas of metadata refuse what does not fit, wherever it arrives."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from voucherify.models.metadata_schemas_get_response_body import MetadataSchemasGetResponseBody
from voucherify.models.metadata_schemas_list_response_body import MetadataSchemasListResponseBody

from store.database import Database
from store.imports.handlers import work_off_part
from tests.api.api_bodies import event_body, made, person, redemption_body, refused, share

PLAN = {"plan": {"type": "string", "optional": False}, "seats": {"type": "number"}}


async def define(admin: httpx.AsyncClient, resource: str, properties: Any, **more: Any) -> Any:
    body = {"properties": properties} | more
    return await made(admin.put(f"/v1/metadata-schemas/{resource}", json=body))


class TestDefinition:
    async def test_is_read_back_replaced_and_removed(self, admin: httpx.AsyncClient) -> None:
        first = await define(admin, "customer", PLAN)
        again = await define(admin, "customer", {}, allow_defined_only=True)
        assert again["id"] == first["id"]
        read = await made(admin.get("/v1/metadata-schemas/customer"))
        assert (read["properties"], read["allow_defined_only"]) == ({}, True)
        assert MetadataSchemasGetResponseBody.from_dict(read) is not None
        listed = await made(admin.get("/v1/metadata-schemas"))
        assert MetadataSchemasListResponseBody.from_dict(listed) is not None
        assert (await admin.delete("/v1/metadata-schemas/customer")).status_code == 204
        answer = await admin.get("/v1/metadata-schemas/customer")
        refused(answer, 404, "resource_not_found")

    async def test_refusals(self, admin: httpx.AsyncClient, service: httpx.AsyncClient) -> None:
        odd = {"properties": {"x": {"type": "geopoint"}}}
        refused(await admin.put("/v1/metadata-schemas/customer", json=odd), 400, "invalid_payload")
        answer = await admin.put("/v1/metadata-schemas/moon", json={"properties": {}})
        refused(answer, 404, "resource_not_found")
        answer = await service.put("/v1/metadata-schemas/customer", json={"properties": {}})
        refused(answer, 403, "forbidden")


class TestCustomers:
    @pytest.mark.parametrize(
        ("metadata", "member"),
        [({"plan": 1}, "plan"), ({"seats": 2}, "plan"), ({"plan": "a", "seats": "2"}, "seats")],
    )
    async def test_misfits_are_refused(
        self,
        admin: httpx.AsyncClient,
        service: httpx.AsyncClient,
        metadata: dict[str, Any],
        member: str,
    ) -> None:
        await define(admin, "customer", PLAN)
        body = person(metadata=metadata)
        answer = await service.post("/v1/customers", json=body)
        refused(answer, 400, "invalid_payload", f"/metadata/{member}")
        refused(await service.get(f"/v1/customers/{body['source_id']}"), 404, "resource_not_found")
        embedded = event_body(None, body)
        answer = await service.post("/v1/events", json=embedded)
        refused(answer, 400, "invalid_payload", f"/customer/metadata/{member}")

    async def test_the_merged_metadata_must_fit_the_schema(
        self, admin: httpx.AsyncClient, service: httpx.AsyncClient
    ) -> None:
        await define(admin, "customer", PLAN)
        jane = person(metadata={"plan": "pro"})
        await made(service.post("/v1/customers", json=jane))
        await made(service.post("/v1/customers", json=jane | {"metadata": {"seats": 3}}))

    async def test_rows_of_a_file_are_read_by_it(
        self, admin: httpx.AsyncClient, service: httpx.AsyncClient, database: Database
    ) -> None:
        await define(admin, "customer", PLAN)
        file = {"file": ("c.csv", b"Source_id,plan,seats\nj1,pro,3\nj2,,1\nj3,pro,x\n")}
        accepted = await made(service.post("/v1/customers/importCSV", files=file), 202)
        while await work_off_part(database, accepted["async_action_id"]):
            pass
        action = await made(service.get(f"/v1/async-actions/{accepted['async_action_id']}"))
        assert [failed["row"] for failed in action["result"]["failed"]] == [2, 3]
        stored = await made(service.get("/v1/customers/j1"))
        assert stored["metadata"] == {"plan": "pro", "seats": 3}


class TestOthers:
    async def test_an_event(self, admin: httpx.AsyncClient, service: httpx.AsyncClient) -> None:
        shared = await share(service)
        body = event_body(shared.code)
        await define(admin, f"event:{body['event']}", PLAN, allow_defined_only=True)
        answer = await service.post("/v1/events", json=body | {"metadata": {"event_id": "e1"}})
        refused(answer, 400, "invalid_payload", "/metadata/plan")
        answer = await service.post("/v1/events", json=body | {"metadata": {"plan": "a", "x": 1}})
        refused(answer, 400, "invalid_payload", "/metadata/x")
        await made(service.post("/v1/events", json=body | {"metadata": {"plan": "a"}}))

    async def test_a_redemption(self, admin: httpx.AsyncClient, service: httpx.AsyncClient) -> None:
        shared = await share(service)
        await define(admin, "redemption", {"till": {"type": "number", "array": True}})
        body = redemption_body(shared.code, metadata={"till": [1, "2"]})
        answer = await service.post("/v1/redemptions", json=body)
        refused(answer, 400, "invalid_payload", "/metadata/till")
        await made(service.post("/v1/redemptions", json=body | {"metadata": {"till": [1, 2]}}))

    async def test_an_order_and_its_items(
        self, admin: httpx.AsyncClient, service: httpx.AsyncClient
    ) -> None:
        shared = await share(service)
        await define(admin, "order", {"store": {"type": "string"}})
        await define(admin, "order_item", {"brand": {"type": "string", "optional": False}})
        item = {"product_id": "p", "price": 10, "quantity": 1, "metadata": {"brand": "Acme"}}
        order = {"source_id": "o-1", "amount": 10, "items": [item], "metadata": {"store": 7}}
        body = redemption_body(shared.code, order=order)
        answer = await service.post("/v1/redemptions", json=body)
        refused(answer, 400, "invalid_payload", "/order/metadata/store")
        order |= {"metadata": {"store": "A"}, "items": [item, item | {"metadata": {}}]}
        answer = await service.post("/v1/redemptions", json=body)
        refused(answer, 400, "invalid_payload", "/order/items/1/metadata/brand")
        order["items"] = [item]
        await made(service.post("/v1/redemptions", json=body))

    async def test_codes_and_rewards(
        self, admin: httpx.AsyncClient, service: httpx.AsyncClient, database: Database
    ) -> None:
        shared = await share(service)
        for resource in ("voucher", "reward"):
            await define(admin, resource, PLAN)
        path = f"/v1/campaigns/{shared.campaign_id}/vouchers"
        for codes in (path, f"{path}/OWN-1"):
            answer = await service.post(codes, json={"metadata": {"plan": 1}})
            refused(answer, 400, "invalid_payload", "/metadata/plan")
        await made(service.post(f"{path}/OWN-1", json={"metadata": {"plan": "a"}}))
        rows = [{"code": "A-1", "metadata": {"plan": "a"}}, {"code": "A-2"}]
        path = f"/v1/campaigns/{shared.campaign_id}/import"
        accepted = await made(service.post(path, json=rows), 202)
        while await work_off_part(database, accepted["async_action_id"]):
            pass
        action = await made(service.get(f"/v1/async-actions/{accepted['async_action_id']}"))
        assert [failed["row"] for failed in action["result"]["failed"]] == [2]
        reward = {"name": "r", "reward": {"kind": "loyalty_points", "points": 5}}
        answer = await service.post("/v1/rewards", json=reward)
        refused(answer, 400, "invalid_payload", "/metadata/plan")
        await made(service.post("/v1/rewards", json=reward | {"metadata": {"plan": "a"}}))

    async def test_a_campaign_that_is_edited(
        self, admin: httpx.AsyncClient, service: httpx.AsyncClient
    ) -> None:
        shared = await share(service)
        path = f"/v1/campaigns/{shared.campaign_id}"
        await define(admin, "campaign", PLAN)
        answer = await service.put(path, json={"metadata": {"seats": 2}})
        refused(answer, 400, "invalid_payload", "/metadata/plan")
        await made(service.put(path, json={"metadata": {"plan": "a"}}))
        await made(service.put(path, json={"metadata": {"seats": 2}}))
        answer = await service.put(path, json={"unset_metadata_fields": ["plan"]})
        refused(answer, 400, "invalid_payload", "/metadata/plan")
        await made(service.put(path, json={"description": "judged no more than it changes"}))


async def test_a_new_customer_without_metadata_is_judged(
    admin: httpx.AsyncClient, service: httpx.AsyncClient
) -> None:
    before = person()
    await made(service.post("/v1/customers", json=before))
    await define(admin, "customer", PLAN)
    answer = await service.post("/v1/customers", json=person())
    refused(answer, 400, "invalid_payload", "/metadata/plan")
    answer = await service.post("/v1/events", json=event_body(None))
    refused(answer, 400, "invalid_payload", "/customer/metadata/plan")
    # Who is known already is not judged until their metadata changes.
    await made(service.post("/v1/customers", json=before | {"name": "Jane"}))
