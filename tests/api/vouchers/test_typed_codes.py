"""Codes as people type them."""

from __future__ import annotations

from urllib.parse import quote

import httpx
import pytest

from store.database import Database
from store.imports.handlers import work_off_part
from tests.api.api_bodies import (
    campaign_body,
    event_body,
    made,
    person,
    redemption_body,
    refused,
    share,
)


def typings(code: str) -> list[str]:
    return [
        code.lower(),
        f"  {code} ",
        code.replace("-", " - "),
        code.replace("-", "\u2013"),
        f"\u200b{code[:3]}\u00ad{code[3:]}\ufeff",
        f"https://shop.example/r/{code.lower()}?utm_source=mail",
    ]


async def test_every_way_in_finds_the_code_that_is_meant(service: httpx.AsyncClient) -> None:
    shared = await share(service)
    for typed in typings(shared.code):
        body = {"code": typed, "customer": person()}
        signed_up = await made(service.post("/v1/referrals", json=body), 201)
        assert signed_up["code"] == shared.code
        converted = await made(service.post("/v1/events", json=event_body(typed)))
        assert converted["referral"]["campaign_id"] == shared.campaign_id
        redeemed = await made(service.post("/v1/redemptions", json=redemption_body(typed)))
        assert redeemed["redemptions"][0]["voucher"]["code"] == shared.code
        valid = await made(service.post("/v1/validations", json=redemption_body(typed)))
        assert valid["valid"]
        published = {"voucher": typed, "customer": person()}
        given = await made(service.post("/v1/publications", json=published))
        assert given["voucher"]["code"] == shared.code
        path = f"/v1/vouchers/{quote(typed, safe='')}"
        assert (await made(service.get(path)))["code"] == shared.code
        listed = await made(service.get("/v1/vouchers", params={"code": typed}))
        assert listed["total"] == 1
    found = await made(service.get("/v1/referrals", params={"code": shared.code.lower()}))
    assert found["total"] >= len(typings(shared.code))


async def test_the_owners_own_code_is_refused_however_it_is_typed(
    service: httpx.AsyncClient,
) -> None:
    shared = await share(service)
    body = event_body(shared.code.lower(), shared.referrer)
    refused(await service.post("/v1/events", json=body), 400, "referrer_not_permitted_to_redeem")


async def test_an_exact_match_wins_and_codes_that_are_read_alike_are_kept_and_listed(
    service: httpx.AsyncClient, database: Database
) -> None:
    campaign = await made(service.post("/v1/campaigns", json=campaign_body()))
    path = f"/v1/campaigns/{campaign['id']}"
    rows = [{"code": code} for code in ("Summer-24", "SUMMER-24", "Winter")]
    accepted = await made(service.post(f"{path}/import", json=rows), 202)
    while await work_off_part(database, accepted["async_action_id"]):
        pass
    for code in ("Summer-24", "SUMMER-24"):
        assert (await made(service.get(f"/v1/vouchers/{code}")))["code"] == code
    refused(await service.get("/v1/vouchers/summer-24"), 404, "resource_not_found")
    assert (await made(service.get("/v1/vouchers/wINTER")))["code"] == "Winter"
    alike = await made(service.get("/v1/vouchers?alike=true"))
    assert {each["code"] for each in alike["data"]} == {"Summer-24", "SUMMER-24"}


async def test_generated_codes_differ_also_as_people_type_them(
    service: httpx.AsyncClient,
) -> None:
    config = {"pattern": "##", "charset": "abcABC"}
    body = campaign_body(voucher={"code_config": config})
    campaign = await made(service.post("/v1/campaigns", json=body))
    path = f"/v1/campaigns/{campaign['id']}/vouchers"
    await made(service.post(f"{path}/AA"))
    await made(service.post(f"{path}?vouchers_count=8"))
    listed = await made(service.get(f"{path}?limit=100"))
    assert len({each["code"].lower() for each in listed["data"]}) == 9
    answer = await service.post(f"{path}?vouchers_count=1")
    refused(answer, 400, "no_voucher_suitable_for_publication")


@pytest.mark.parametrize("query", ["jane%2Btag@x.com", "jane+tag@x.com", "%20Jane%2Btag@X.com%20"])
async def test_a_person_is_found_by_an_address_that_is_pasted(
    service: httpx.AsyncClient, query: str
) -> None:
    shared = await share(service)
    friend = person(email="jane+tag@x.com")
    await made(service.post("/v1/events", json=event_body(shared.code, friend)))
    assert (await made(service.get(f"/v1/customers?email={query}")))["total"] == 1
    assert (await made(service.get(f"/v1/referrals?email={query}")))["total"] == 1
    assert (await made(service.get(f"/v1/referrals?q={query}")))["total"] == 1
