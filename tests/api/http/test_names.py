"""Names that are spelt like somebody else's id: our id wins, and nothing is mixed."""

from __future__ import annotations

import httpx
from sqlalchemy import text

from store.database import Database
from tests.api.api_bodies import event_body, made, person, refused, share


async def test_a_referrer_id_that_is_one_holders_id_and_anothers_source_id(
    service: httpx.AsyncClient,
) -> None:
    shared = await share(service)
    owner = await made(service.get(f"/v1/customers/{shared.referrer['source_id']}"))
    twin = {"source_id": owner["id"]}
    await made(service.post("/v1/publications", json={"voucher": shared.code, "customer": twin}))
    body = event_body(shared.code)
    body["referral"]["referrer_id"] = owner["id"]
    converted = await made(service.post("/v1/events", json=body))
    referral = await made(service.get(f"/v1/referrals/{converted['referral']['id']}"))
    assert referral["referrer"]["id"] == owner["id"]
    held = await made(service.get(f"/v1/vouchers?customer={owner['id']}"))
    assert [voucher["code"] for voucher in held["data"]] == [shared.code]
    for path in ("/v1/publications?customer=", "/v1/referrals?referrer_id="):
        listed = await made(service.get(f"{path}{owner['id']}"))
        assert listed["total"] == 1


async def test_a_code_named_like_another_codes_id_does_not_shadow_it(
    service: httpx.AsyncClient, database: Database
) -> None:
    first, second = await share(service), await share(service)
    meant = await made(service.get(f"/v1/vouchers/{first.code}"))
    async with database.engine.begin() as connection:
        rename = text("UPDATE vouchers SET code = :id WHERE code = :code")
        await connection.execute(rename, {"id": meant["id"], "code": second.code})
    found = await made(service.get(f"/v1/vouchers/{meant['id']}"))
    assert found["code"] == first.code
    off = await made(service.post(f"/v1/vouchers/{meant['id']}/disable"))
    assert (off["code"], off["active"]) == (first.code, False)


async def test_a_campaign_named_like_anothers_id_does_not_mix_its_lists(
    service: httpx.AsyncClient,
) -> None:
    first, second = await share(service), await share(service)
    path = f"/v1/campaigns/{second.campaign_id}"
    await made(service.put(path, json={"name": first.campaign_id}))
    listed = await made(service.get(f"/v1/publications?campaign={first.campaign_id}"))
    assert [each["voucher"]["code"] for each in listed["data"]] == [first.code]


async def test_a_referrer_who_does_not_hold_the_code_is_refused(service: httpx.AsyncClient) -> None:
    shared = await share(service)
    await made(service.post("/v1/customers", json=person(source_id="stranger")))
    body = event_body(shared.code)
    body["referral"]["referrer_id"] = "stranger"
    refused(await service.post("/v1/events", json=body), 400, "invalid_payload")
