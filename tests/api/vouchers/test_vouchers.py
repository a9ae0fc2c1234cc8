"""Codes: added to a pool, listed, switched off, each with limits and dates of its own."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest
from voucherify.models.voucher import Voucher

from store.database import now
from tests.api.api_bodies import campaign_body, made, person, redemption_body, refused, share


async def _campaign(client: httpx.AsyncClient, **changes: Any) -> str:
    body = campaign_body(**changes)
    return str((await made(client.post("/v1/campaigns", json=body)))["id"])


class TestAdd:
    async def test_one_with_limits_of_its_own(self, service: httpx.AsyncClient) -> None:
        campaign = await _campaign(service, type="STATIC", vouchers_count=1)
        tomorrow = (now() + timedelta(days=1)).isoformat()
        body = {
            "code_config": {"pattern": "VIP-####", "charset": "ab"},
            "redemption": {"quantity": 1},
            "expiration_date": tomorrow,
            "metadata": {"batch": 1},
        }
        added = await made(service.post(f"/v1/campaigns/{campaign}/vouchers", json=body))
        assert added["code"].startswith("VIP-")
        assert set(added["code"].removeprefix("VIP-")) <= set("ab")
        assert (added["redemption"]["quantity"], added["metadata"]) == (1, {"batch": 1})
        assert added["expiration_date"][:16] == tomorrow[:16]
        owner = {"voucher": added["code"], "customer": person()}
        await made(service.post("/v1/publications", json=owner))
        await made(service.post("/v1/redemptions", json=redemption_body(added["code"])))
        second = await service.post("/v1/redemptions", json=redemption_body(added["code"]))
        refused(second, 400, "quantity_exceeded")

    async def test_several_and_the_list(self, service: httpx.AsyncClient) -> None:
        campaign = await _campaign(service, type="STATIC", vouchers_count=2)
        path = f"/v1/campaigns/{campaign}/vouchers"
        added = await made(service.post(f"{path}?vouchers_count=5"))
        assert (added["vouchers_count"], added["async_action_id"]) == (5, None)
        named = await made(service.post(f"{path}/SUMMER-24"))
        assert (named["code"], named["campaign_id"]) == ("SUMMER-24", campaign)
        listed = await made(service.get(f"{path}?limit=3"))
        assert (listed["total"], listed["has_more"]) == (8, True)
        assert listed["data"][0]["code"] == "SUMMER-24"
        assert listed["vouchers"] == listed["data"]
        last = listed["data"][-1]["id"]
        rest = await made(service.get(f"{path}?limit=100&starting_after_id={last}"))
        ids = [voucher["id"] for voucher in listed["data"] + rest["data"]]
        assert len(ids) == len(set(ids)) == 8
        found = await made(service.get("/v1/vouchers?code=SUMMER-24"))
        assert [voucher["id"] for voucher in found["data"]] == [named["id"]]
        owner = person()
        publication = {"voucher": "SUMMER-24", "customer": owner}
        await made(service.post("/v1/publications", json=publication))
        held = await made(service.get(f"/v1/vouchers?customer={owner['source_id']}"))
        assert [voucher["code"] for voucher in held["data"]] == ["SUMMER-24"]
        refused(await service.post(f"{path}/SUMMER-24"), 409, "duplicate_found", "/code")

    async def test_no_more_than_the_pattern_makes(self, service: httpx.AsyncClient) -> None:
        campaign = await _campaign(service)
        path = f"/v1/campaigns/{campaign}/vouchers?vouchers_count=5"
        body = {"code_config": {"pattern": "##", "charset": "ab"}}
        response = await service.post(path, json=body)
        refused(response, 400, "no_voucher_suitable_for_publication")
        assert "makes 4 codes in all" in response.json()["detail"]
        assert (await made(service.get(f"/v1/campaigns/{campaign}/vouchers")))["total"] == 0

    @pytest.mark.parametrize(
        ("path", "body", "pointer"),
        [
            ("?vouchers_count=0", {}, None),
            ("?vouchers_count=100001", {}, None),
            ("", {"redemption": {"quantity": 0}}, "/redemption/quantity"),
            ("", {"expiration_date": "soon"}, "/expiration_date"),
            ("", {"start_date": "2030-01-02", "expiration_date": "2030-01-01"}, ""),
            ("", {"code_config": {"charset": "#"}}, "/code_config/charset"),
            ("", {"codes": 5}, "/codes"),
            ("/A%20B", {}, None),
        ],
    )
    async def test_a_malformed_request_is_refused(
        self, unchanged: httpx.AsyncClient, path: str, body: Any, pointer: str | None
    ) -> None:
        response = await unchanged.post(f"/v1/campaigns/camp_x/vouchers{path}", json=body)
        refused(response, 400, "invalid_payload", pointer)

    async def test_not_past_the_campaigns_end(self, service: httpx.AsyncClient) -> None:
        end = now() + timedelta(days=1)
        campaign = await _campaign(service, expiration_date=end.isoformat())
        body = {"expiration_date": (end + timedelta(days=1)).isoformat()}
        response = await service.post(f"/v1/campaigns/{campaign}/vouchers", json=body)
        refused(response, 400, "invalid_payload", "/expiration_date")
        refused(await service.post("/v1/campaigns/no/vouchers"), 404, "resource_not_found")
        refused(await service.get("/v1/campaigns/no/vouchers"), 404, "resource_not_found")


class TestCategory:
    async def test_is_a_word_of_the_campaign_and_of_a_code(
        self, service: httpx.AsyncClient
    ) -> None:
        campaign = await _campaign(service, category="autumn")
        path = f"/v1/campaigns/{campaign}"
        read = await made(service.get(path))
        assert (read["category"], read["category_id"], read["categories"]) == ("autumn", None, [])
        await made(service.put(path, json={"category": "winter"}))
        assert (await made(service.get(path)))["category"] == "winter"
        await made(service.put(path, json={"unset": ["category"]}))
        assert (await made(service.get(path)))["category"] is None
        added = await made(service.post(f"{path}/vouchers", json={"category": "vip"}))
        assert (added["category"], added["metadata"]) == ("vip", {})
        Voucher.from_dict(added)

    async def test_by_an_id_is_refused_for_there_is_no_such_object(
        self, unchanged: httpx.AsyncClient
    ) -> None:
        answer = await unchanged.post("/v1/campaigns", json=campaign_body(category_id="cat_1"))
        refused(answer, 400, "invalid_payload", "/category_id")


class TestSwitch:
    async def test_off_and_on(self, service: httpx.AsyncClient, finance: httpx.AsyncClient) -> None:
        shared = await share(service)
        path = f"/v1/vouchers/{shared.code}"
        for _ in range(2):
            off = await made(service.post(f"{path}/disable"))
            assert off["active"] is False
        refused(
            await service.post("/v1/redemptions", json=redemption_body(shared.code)),
            400,
            "voucher_disabled",
        )
        on = await made(service.post(f"/v1/vouchers/{off['id']}/enable"))
        assert (on["active"], on["code"]) == (True, shared.code)
        assert on["updated_at"] is not None
        await made(service.post("/v1/redemptions", json=redemption_body(shared.code)))
        refused(await service.post("/v1/vouchers/NONE/disable"), 404, "resource_not_found")
        refused(await finance.post(f"{path}/disable"), 403, "forbidden")
