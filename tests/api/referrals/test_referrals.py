"""Referrals over HTTP: attribution at sign-up, and finding them again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

import httpx
import pytest

from store.database import Database
from store.tables import Campaign, Customer, Intake, Voucher
from tests.api.api_bodies import (
    card,
    event_body,
    made,
    person,
    redemption_body,
    refused,
    share,
    tier,
)
from tests.builders import alter, in_past, one, qualify, rows

Count = Callable[[], Awaitable[dict[str, int]]]


class TestSignUp:
    async def test_waits(self, service: httpx.AsyncClient, database: Database) -> None:
        shared = await share(service)
        friend = person(name="Bob Roe", email="bob@acme.com")
        body = {"code": shared.code, "customer": friend, "metadata": {"page": "landing"}}
        answer = await made(service.post("/v1/referrals", json=body), 201)
        assert (answer["status"], answer["object"]) == ("waiting", "referral")
        assert (answer["campaign_id"], answer["campaign_version"]) == (shared.campaign_id, 1)
        assert answer["code"] == shared.code
        assert answer["referrer"]["source_id"] == shared.referrer["source_id"]
        assert (answer["referee"]["name"], answer["referee"]["email"]) == (
            "Bob Roe",
            "bob@acme.com",
        )
        assert answer["metadata"] == {"page": "landing"}
        assert answer["due_at"] == answer["expires_at"]
        assert (answer["conversion"], answer["grants"], answer["verdicts"]) == (None, [], [])
        assert answer["workflow_id"].startswith("referral:camp_")
        assert "bob" not in answer["workflow_id"]
        assert (await one(database, Intake)).conversion is None
        assert await made(service.get(f"/v1/referrals/{answer['id']}")) == answer

    async def test_repeated(self, service: httpx.AsyncClient, database: Database) -> None:
        shared = await share(service)
        body = {"code": shared.code, "customer": person()}
        responses = await asyncio.gather(
            *(service.post("/v1/referrals", json=body) for _ in range(10))
        )
        assert sorted(response.status_code for response in responses) == [200] * 9 + [201]
        assert len({response.json()["id"] for response in responses}) == 1
        assert len(await rows(database, Intake)) == 1

    async def test_refusals(
        self, service: httpx.AsyncClient, count_rows: Count, database: Database
    ) -> None:
        shared, other = await share(service), await share(service)
        friend = person()
        body = {"code": shared.code, "customer": friend}
        await made(service.post("/v1/referrals", json=body), 201)
        path = f"/v1/campaigns/{shared.campaign_id}"
        publication = {"campaign": {"name": shared.campaign}, "customer": person()}
        second = await made(service.post("/v1/publications", json=publication))
        before = await count_rows()
        for sent, status, key in (
            ({"code": "NONE", "customer": person()}, 404, "resource_not_found"),
            (
                {"code": shared.code, "customer": shared.referrer},
                400,
                "referrer_not_permitted_to_redeem",
            ),
            ({"code": second["voucher"]["code"], "customer": friend}, 400, "already_referred"),
            ({"code": shared.code}, 400, "missing_customer"),
            ({"code": shared.code, "customer": {"name": "N"}}, 400, "missing_customer"),
            ({"customer": friend}, 400, "invalid_payload"),
            ({"code": "", "customer": friend}, 400, "invalid_payload"),
        ):
            refused(await service.post("/v1/referrals", json=sent), status, key)
            before["events"] += key not in ("missing_customer", "invalid_payload")
            assert await count_rows() == before
        await made(service.post(f"{path}/disable"))
        sent = {"code": shared.code, "customer": person()}
        refused(await service.post("/v1/referrals", json=sent), 400, "campaign_not_live")
        assert len(await rows(database, Customer, source_id=sent["customer"]["source_id"])) == 0
        assert other.code != shared.code

    @pytest.mark.parametrize(
        "dates",
        [{"start_date": in_past(days=-1)}, {"expiration_date": in_past(hours=1)}],
        ids=["not_begun", "ended"],
    )
    async def test_outside_the_dates(
        self,
        service: httpx.AsyncClient,
        database: Database,
        count_rows: Count,
        dates: dict[str, datetime],
    ) -> None:
        shared = await share(service)
        await alter(database, await one(database, Campaign), **dates)
        before = await count_rows()
        sent = {"code": shared.code, "customer": person()}
        for path, body in (
            ("/v1/referrals", sent),
            ("/v1/events", event_body(shared.code)),
        ):
            refused(await service.post(path, json=body), 400, "campaign_not_live")
        before["events"] += 2
        assert await count_rows() == before
        answer = await service.post("/v1/redemptions", json=redemption_body(shared.code))
        refused(answer, 400, "campaign_not_live")
        assert await count_rows() == before | _one_refused_use(before)

    async def test_disabled_and_unpublished_codes(
        self, service: httpx.AsyncClient, database: Database, count_rows: Count
    ) -> None:
        shared = await share(service, vouchers_count=2)
        codes = {voucher.code: voucher for voucher in await rows(database, Voucher)}
        await alter(database, codes.pop(shared.code), active=False)
        (unpublished,) = codes
        before = await count_rows()
        for code, key in ((shared.code, "voucher_disabled"), (unpublished, "voucher_not_active")):
            sent = {"code": code, "customer": person()}
            refused(await service.post("/v1/referrals", json=sent), 400, key)
            refused(await service.post("/v1/events", json=event_body(code)), 400, key)
            before["events"] += 2
            assert await count_rows() == before
            refused(await service.post("/v1/redemptions", json=redemption_body(code)), 400, key)
            before |= _one_refused_use(before)
        assert await count_rows() == before


def _one_refused_use(before: dict[str, int]) -> dict[str, int]:
    """A refused redemption is kept, with its event, and nothing else."""
    return {name: before[name] + 1 for name in ("redemptions", "events")}


class TestRead:
    async def test_whole_story(
        self, service: httpx.AsyncClient, support: httpx.AsyncClient, database: Database
    ) -> None:
        shared = await share(service, {"tiers": [tier(card(2500))]})
        friend = await made(service.post("/v1/customers", json=person(name="Bob Roe")))
        await qualify(database, shared.code, friend["id"])
        (referral,) = (await made(service.get("/v1/referrals")))["data"]
        assert referral["status"] == "fulfilling"
        assert referral["ordinal"] == 1
        assert referral["conversion"]["event"] == "first_purchase"
        assert all(verdict["passed"] for verdict in referral["verdicts"])
        assert {verdict["check"] for verdict in referral["verdicts"]} >= {"budget", "own_code"}
        assert [
            (grant["role"], grant["amount"], grant["currency"]) for grant in referral["grants"]
        ] == [("referee", 1500, "USD"), ("referrer", 2500, "USD")]
        assert referral["grants"][0]["tier_id"] is None
        assert referral["grants"][0]["order"] is None
        timeline = await made(support.get(f"/v1/referrals/{referral['id']}/timeline"))
        titles = [one["title"] for one in timeline["data"]]
        assert titles[:3] == [
            "Friend attributed to a referral code",
            "Conversion event accepted",
            "Conversion qualified",
        ]
        assert titles[3:] == ["Reward granted to the referee", "Reward granted to the referrer"]
        assert {one["source"] for one in timeline["data"]} == {"engine"}
        assert timeline["data"][0]["customer_name"] == "Bob Roe"
        assert timeline["data"] == sorted(timeline["data"], key=lambda one: str(one["at"]))
        assert timeline["total"] == 5

    async def test_finance_sees_no_person(
        self, service: httpx.AsyncClient, finance: httpx.AsyncClient
    ) -> None:
        shared = await share(service)
        friend = person(name="Bob Roe", email="bob@acme.com")
        await made(service.post("/v1/events", json=event_body(shared.code, friend)))
        listed = await made(finance.get("/v1/referrals"))
        (referral,) = listed["data"]
        timeline = await made(finance.get(f"/v1/referrals/{referral['id']}/timeline"))
        for answer in (listed, timeline):
            assert "Bob Roe" not in str(answer)
            assert "bob@" not in str(answer)
        assert referral["referee"]["name"] == "B…"

    async def test_the_list_can_be_filtered(self, service: httpx.AsyncClient) -> None:
        wanted, other = await share(service), await share(service)
        friend = person(name="Bob Roe 100%", email="bob@acme.com")
        body = event_body(wanted.code, friend, metadata={"order_source_id": "order-77"})
        await made(service.post("/v1/events", json=body))
        sent = {"code": other.code, "customer": person()}
        await made(service.post("/v1/referrals", json=sent), 201)
        (found,) = (await made(service.get("/v1/referrals?status=converted")))["data"]
        for query in (
            f"campaign_id={wanted.campaign_id}",
            f"referrer_id={wanted.referrer['source_id']}",
            f"referee_id={friend['source_id']}",
            f"referee_id={found['referee_id']}",
            f"code={wanted.code}",
            "order_source_id=order-77",
            "email=bob@acme.com",
            "email=Bob@Acme.com",
            f"email={wanted.referrer['email']}",
            "q=bob roe",
            "q=100%25",
            "q=order-77",
            f"q={found['id']}",
            f"q={wanted.code[4:].lower()}",
        ):
            listed = await made(service.get(f"/v1/referrals?{query}"))
            assert [one["id"] for one in listed["data"]] == [found["id"]], query
            assert listed["total"] == 1
        assert (await made(service.get("/v1/referrals?q=%25%25")))["total"] == 0
        assert (await made(service.get("/v1/referrals?email=no@acme.com")))["data"] == []

    async def test_found_by_the_order_of_its_discount(self, service: httpx.AsyncClient) -> None:
        shared = await share(service)
        body = redemption_body(shared.code, order={"source_id": "order-9", "amount": 100})
        answer = await made(service.post("/v1/redemptions", json=body))
        found = await made(service.get("/v1/referrals?order_source_id=order-9"))
        assert [one["id"] for one in found["data"]] == [answer["redemptions"][0]["referral"]["id"]]

    async def test_unknown_or_malformed(self, unchanged: httpx.AsyncClient) -> None:
        for path in ("/v1/referrals/ref_x", "/v1/referrals/ref_x/timeline"):
            refused(await unchanged.get(path), 404, "resource_not_found")
        refused(await unchanged.get("/v1/referrals?status=done"), 400, "invalid_payload")
        refused(await unchanged.get("/v1/referrals?q=a"), 400, "invalid_payload")
