"""Publications: one customer, one code, however often and however many at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from store.database import Database
from store.tables import Holder, Publication, Voucher
from tests.api.api_bodies import campaign_body, made, person, refused, share
from tests.builders import in_past, one, rows

Count = Callable[[], Awaitable[dict[str, int]]]


async def _campaign(client: httpx.AsyncClient, **changes: Any) -> str:
    body = campaign_body(**changes)
    await made(client.post("/v1/campaigns", json=body))
    return str(body["name"])


def _body(campaign: str, customer: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    return {"campaign": {"name": campaign}, "customer": customer or person()} | changes


class TestPublish:
    async def test_shape(self, service: httpx.AsyncClient) -> None:
        campaign = await _campaign(service)
        body = _body(
            campaign, person(name="Jane"), source_id="p1", metadata={"a": 1}, channel="App"
        )
        answer = await made(service.post("/v1/publications", json=body))
        code = answer["voucher"]["code"]
        assert code.startswith("REF-")
        assert (answer["object"], answer["result"]) == ("publication", "SUCCESS")
        assert (answer["source_id"], answer["metadata"]) == ("p1", {"a": 1})
        assert answer["customer"]["name"] == "Jane"
        assert answer["customer_id"] == answer["customer"]["id"]
        assert (answer["vouchers"], answer["vouchers_id"]) == ([code], [answer["voucher"]["id"]])
        assert answer["voucher"]["holder_id"] == answer["customer_id"]
        assert answer["channel"] == "API"
        assert (await made(service.get("/v1/publications")))["data"][0]["channel"] == "App"

    async def test_same_source_id_same_code(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        campaign = await _campaign(service, join_once=False)
        body = _body(campaign, source_id="p1")
        answers = await asyncio.gather(
            *(made(service.post("/v1/publications", json=body)) for _ in range(10))
        )
        assert len({answer["id"] for answer in answers}) == 1
        assert len(await rows(database, Publication)) == 1

    async def test_source_id_of_another_customer(self, service: httpx.AsyncClient) -> None:
        campaign = await _campaign(service)
        await made(service.post("/v1/publications", json=_body(campaign, source_id="p1")))
        response = await service.post("/v1/publications", json=_body(campaign, source_id="p1"))
        refused(response, 409, "identity_reused", "/customer")

    async def test_join_once_at_once(self, service: httpx.AsyncClient, database: Database) -> None:
        campaign = await _campaign(service, join_once=True)
        friend = person()
        bodies = [_body(campaign, friend, source_id=f"p{n}") for n in range(5)]
        bodies += [_body(campaign, friend)] * 10
        answers = await asyncio.gather(
            *(made(service.post("/v1/publications", json=body)) for body in bodies)
        )
        assert len({answer["voucher"]["code"] for answer in answers}) == 1
        assert len(await rows(database, Holder)) == 1

    async def test_join_once_by_request(self, service: httpx.AsyncClient) -> None:
        campaign = await _campaign(service, join_once=False)
        body, codes = _body(campaign), []
        for query in ("", "", "?join_once=true", "?join_once=true"):
            answer = await made(service.post(f"/v1/publications{query}", json=body))
            codes.append(answer["voucher"]["code"])
        assert codes[0] != codes[1]
        assert codes[2:] == [codes[0], codes[0]]

    async def test_many_customers_at_once(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        campaign = await _campaign(service, vouchers_count=10)
        answers = await asyncio.gather(
            *(made(service.post("/v1/publications", json=_body(campaign))) for _ in range(30))
        )
        assert len({answer["voucher"]["code"] for answer in answers}) == 30
        assert len(await rows(database, Voucher)) == 30

    async def test_static_pool_runs_dry(
        self, service: httpx.AsyncClient, count_rows: Count
    ) -> None:
        campaign = await _campaign(service, type="STATIC", vouchers_count=3)
        for _ in range(3):
            await made(service.post("/v1/publications", json=_body(campaign)))
        before = await count_rows()
        response = await service.post("/v1/publications", json=_body(campaign))
        refused(response, 400, "no_voucher_suitable_for_publication")
        assert await count_rows() == before | {"events": before["events"] + 1}

    async def test_template_runs_dry(self, service: httpx.AsyncClient) -> None:
        config = {"code_config": {"pattern": "X#", "charset": "ab"}}
        campaign = await _campaign(service, voucher=config)
        for _ in range(2):
            await made(service.post("/v1/publications", json=_body(campaign)))
        response = await service.post("/v1/publications", json=_body(campaign))
        refused(response, 400, "no_voucher_suitable_for_publication")

    async def test_certain_code_is_shared_by_a_second(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        shared = await share(service)
        body = {"voucher": shared.code, "customer": person()}
        answer = await made(service.post("/v1/publications", json=body))
        assert answer["voucher"]["code"] == shared.code
        assert {holder.role for holder in await rows(database, Holder)} == {"OWNER", "REFERRER"}
        again = await made(service.post("/v1/publications", json=body))
        assert again["id"] == answer["id"]

    async def test_certain_free_code(self, service: httpx.AsyncClient, database: Database) -> None:
        await _campaign(service, type="STATIC", vouchers_count=1)
        code = (await one(database, Voucher)).code
        body = {"voucher": code, "customer": person()}
        answer = await made(service.post("/v1/publications", json=body))
        assert answer["voucher"]["holder_id"] == answer["customer_id"]

    async def test_second_own_code_in_join_once(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        campaign = await _campaign(service, type="STATIC", vouchers_count=2)
        friend = person()
        first = await made(service.post("/v1/publications", json=_body(campaign, friend)))
        codes = {voucher.code for voucher in await rows(database, Voucher)}
        (free,) = codes - {first["voucher"]["code"]}
        body = {"voucher": free, "customer": friend}
        refused(await service.post("/v1/publications", json=body), 409, "duplicate_found")


class TestRefusals:
    @pytest.mark.parametrize(
        ("body", "status", "key", "pointer"),
        [
            ({"campaign": {"name": "none"}}, 404, "resource_not_found", "/campaign/name"),
            ({"voucher": "NONE"}, 404, "resource_not_found", "/voucher"),
            ({}, 400, "invalid_payload", ""),
            ({"campaign": {"name": "x"}, "voucher": "X"}, 400, "invalid_payload", ""),
            ({"campaign": {"name": "x", "count": 2}}, 400, "invalid_payload", "/campaign/count"),
            ({"campaign": {"name": "x"}, "customer": {}}, 400, "missing_customer", "/customer"),
            ({"campaign": {"name": "x"}, "customer": None}, 400, "missing_customer", "/customer"),
            (
                {"campaign": {"name": "x"}, "customer": {"source_id": "s", "email": "x"}},
                400,
                "invalid_payload",
                "/customer/email",
            ),
        ],
    )
    async def test_a_malformed_request_is_refused(
        self,
        unchanged: httpx.AsyncClient,
        body: dict[str, Any],
        status: int,
        key: str,
        pointer: str,
    ) -> None:
        sent = {"customer": person()} | body
        response = await unchanged.post("/v1/publications", json=sent)
        refused(response, status, key, pointer)

    async def test_no_customer_at_all(self, unchanged: httpx.AsyncClient) -> None:
        response = await unchanged.post("/v1/publications", json={"campaign": {"name": "x"}})
        refused(response, 400, "missing_customer", "/customer")

    async def test_ended_or_disabled(self, service: httpx.AsyncClient, count_rows: Count) -> None:
        ended = await _campaign(service, expiration_date=in_past(hours=1).isoformat())
        disabled = await _campaign(service)
        await made(service.post(f"/v1/campaigns/{disabled}/disable"))
        before = await count_rows()
        for campaign in (ended, disabled):
            response = await service.post("/v1/publications", json=_body(campaign))
            refused(response, 400, "campaign_not_live")
        assert await count_rows() == before | {"events": before["events"] + 2}


class TestRead:
    async def test_the_list_can_be_filtered(self, service: httpx.AsyncClient) -> None:
        one, other = await share(service), await share(service)
        for query in (
            f"campaign={one.campaign}",
            f"campaign={one.campaign_id}",
            f"customer={one.referrer['source_id']}",
            f"voucher={one.code}",
        ):
            found = await made(service.get(f"/v1/publications?{query}"))
            assert [each["voucher"]["code"] for each in found["data"]] == [one.code]
            assert found["publications"] == found["data"]
        assert (await made(service.get("/v1/publications")))["total"] == 2
        assert other.code != one.code

    async def test_voucher(self, service: httpx.AsyncClient) -> None:
        shared = await share(service)
        answer = await made(service.get(f"/v1/vouchers/{shared.code}"))
        assert (answer["code"], answer["campaign"]) == (shared.code, shared.campaign)
        assert (answer["is_referral_code"], answer["active"]) == (True, True)
        assert answer["publish"]["count"] == 1
        assert answer["redemption"] | {"url": ""} == {
            "object": "list",
            "quantity": None,
            "redeemed_quantity": 0,
            "url": "",
        }
        refused(await service.get("/v1/vouchers/NONE"), 404, "resource_not_found")
