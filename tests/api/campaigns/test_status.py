"""Switching campaigns, codes and webhooks on and off over HTTP, and what the status says of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from store.database import Database, now
from store.tables import Budget, Referral
from tests.api.api_bodies import (
    Shared,
    campaign_body,
    event_body,
    made,
    person,
    redemption_body,
    refused,
    share,
)
from tests.builders import alter, one, qualify

HOOK: dict[str, Any] = {"url": "https://acme.example/hook", "events": ["lane.*"]}


async def state(client: httpx.AsyncClient, shared: Shared) -> tuple[bool, str]:
    campaign = await made(client.get(f"/v1/campaigns/{shared.campaign_id}"))
    return campaign["active"], campaign["status"]


class TestActive:
    async def test_a_campaign_that_is_created_off_is_a_draft_and_pays_nobody(
        self, service: httpx.AsyncClient
    ) -> None:
        body = campaign_body(active=False)
        campaign = await made(service.post("/v1/campaigns", json=body))
        assert (campaign["active"], campaign["status"]) == (False, "draft")
        publication = {"campaign": {"name": body["name"]}, "customer": person()}
        refused(await service.post("/v1/publications", json=publication), 400, "campaign_not_live")
        await made(service.post(f"/v1/campaigns/{campaign['id']}/enable"))
        await made(service.post("/v1/publications", json=publication))
        after = await made(service.get(f"/v1/campaigns/{campaign['id']}"))
        assert (after["active"], after["status"]) == (True, "live")

    async def test_put_switches_a_campaign_off_and_on(self, service: httpx.AsyncClient) -> None:
        shared = await share(service)
        path = f"/v1/campaigns/{shared.campaign_id}"
        off = await made(service.put(path, json={"active": False}))
        assert (off["active"], off["status"]) == (False, "paused")
        refused(
            await service.post("/v1/events", json=event_body(shared.code)),
            400,
            "campaign_not_live",
        )
        on = await made(service.put(path, json={"active": True}))
        assert (on["active"], on["status"], on["version"]) == (True, "live", 1)

    async def test_putting_back_what_was_read_changes_nothing(
        self, service: httpx.AsyncClient
    ) -> None:
        shared = await share(service)
        path = f"/v1/campaigns/{shared.campaign_id}"
        for active in (True, False):
            read = await made(service.put(path, json={"active": active}))
            again = await made(service.put(path, json={"active": read["active"]}))
            assert again == read

    async def test_a_webhook_that_is_off_says_so_and_can_be_turned_on(
        self, admin: httpx.AsyncClient
    ) -> None:
        created = await made(admin.post("/v1/webhooks", json=HOOK | {"active": False}), 201)
        path = f"/v1/webhooks/{created['id']}"
        assert created["active"] is False
        assert (await made(admin.put(path, json={"events": ["*"]})))["active"] is False
        assert (await made(admin.put(path, json={"active": True})))["active"] is True
        assert (await made(admin.put(path, json={"active": False})))["active"] is False

    @pytest.mark.parametrize(
        ("path", "body", "pointer"),
        [
            ("/v1/campaigns", campaign_body(enabled=False), "/enabled"),
            ("/v1/campaigns", campaign_body({"fraud": {"same_ip": False}}), "same_ip"),
            ("/v1/campaigns", campaign_body({"tier": []}), "tier"),
            ("/v1/webhooks", HOOK | {"verify_tls": False}, "/verify_tls"),
            ("/v1/webhooks", HOOK | {"target_filters": []}, "/target_filters"),
            ("/v1/segments", {"name": "s", "filter": {}, "active": False}, "/active"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    async def test_a_false_or_empty_member_that_nobody_reads_is_refused_by_name(
        self, admin: httpx.AsyncClient, path: str, body: Any, pointer: str
    ) -> None:
        answer = await admin.post(path, json=body)
        assert answer.status_code == 400, answer.text
        assert pointer in answer.text


class TestStatus:
    async def test_the_status_depends_on_the_time(self, service: httpx.AsyncClient) -> None:
        begins = (now() + timedelta(days=1)).isoformat()
        body = campaign_body(start_date=begins)
        assert (await made(service.post("/v1/campaigns", json=body)))["status"] == "draft"

    async def test_of_an_ended_campaign(self, service: httpx.AsyncClient) -> None:
        shared = await share(service)
        path = f"/v1/campaigns/{shared.campaign_id}/end"
        assert (await made(service.post(path, json={"held": "judge"})))["status"] == "ended"
        answer = await service.post("/v1/events", json=event_body(shared.code))
        refused(answer, 400, "campaign_not_live")
        refused(await service.post(path, json={}), 400, "invalid_payload", "/held")

    @pytest.mark.parametrize(
        "limits",
        [{"budget": {"amount": 3000, "currency": "USD"}}, {"redemptions": 1}],
        ids=["budget", "conversions"],
    )
    async def test_a_spent_campaign_says_so_and_gives_no_more_codes_out(
        self, service: httpx.AsyncClient, database: Database, limits: Any
    ) -> None:
        shared = await share(service, {"limits": limits})
        assert await state(service, shared) == (True, "live")
        await qualify(database, shared.code)
        assert await state(service, shared) == (True, "spent")
        listed = await made(service.get("/v1/campaigns"))
        assert [one["status"] for one in listed["data"]] == ["spent"]
        publication = {"campaign": {"name": shared.campaign}, "customer": person()}
        refused(await service.post("/v1/publications", json=publication), 400, "budget_exhausted")
        # Who has a code already is told it again.
        await made(
            service.post("/v1/publications", json=publication | {"customer": shared.referrer})
        )

    async def test_a_raised_budget_makes_it_live_again(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        shared = await share(service, {"limits": {"budget": {"amount": 3000, "currency": "USD"}}})
        await alter(database, await one(database, Budget), reserved=3000)
        assert await state(service, shared) == (True, "spent")
        more = {"referral_program": {"limits": {"budget": {"amount": 9000}}}}
        await made(service.put(f"/v1/campaigns/{shared.campaign_id}", json=more))
        assert await state(service, shared) == (True, "live")


class TestPause:
    async def test_the_event_of_a_waiting_friend_is_held_and_says_why(
        self, service: httpx.AsyncClient
    ) -> None:
        shared, friend = await share(service), person()
        body = {"code": shared.code, "customer": friend}
        referral = await made(service.post("/v1/referrals", json=body), 201)
        await made(service.post(f"/v1/campaigns/{shared.campaign_id}/disable"))
        answer = await made(service.post("/v1/events", json=event_body(None, friend)))
        held = {"id": referral["id"], "status": "converted", "reason": "campaign_paused"}
        held |= {"campaign_id": shared.campaign_id, "why_not": None}
        assert answer["referral"] == held | {"rewarded": True}
        read = await made(service.get(f"/v1/referrals/{referral['id']}"))
        assert (read["status"], read["reason"]) == ("converted", "campaign_paused")
        assert read["due_at"] > (now() + timedelta(days=29)).isoformat()
        timeline = await made(service.get(f"/v1/referrals/{referral['id']}/timeline"))
        assert "Conversion held" in [entry["title"] for entry in timeline["data"]]

    async def test_no_discount_is_validated_or_given(self, service: httpx.AsyncClient) -> None:
        shared, friend = await share(service), person()
        body = {"code": shared.code, "customer": friend}
        await made(service.post("/v1/referrals", json=body), 201)
        await made(service.post(f"/v1/vouchers/{shared.code}/disable"))
        asked = redemption_body(shared.code, friend)
        validation = await made(service.post("/v1/validations", json=asked))
        assert validation["valid"] is False
        refused(await service.post("/v1/redemptions", json=asked), 400, "voucher_disabled")

    async def test_a_code_s_held_conversions_are_rejected_on_demand(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        shared, friend = await share(service), person()
        body = {"code": shared.code, "customer": friend}
        await made(service.post("/v1/referrals", json=body), 201)
        path = f"/v1/vouchers/{shared.code}/disable"
        await made(service.post(path, json={"grants": "stop"}))
        await made(service.post("/v1/events", json=event_body(shared.code, friend)))
        assert (await one(database, Referral)).reason == "code_disabled"
        await made(service.post(path, json={"held": "reject"}))
        assert (await one(database, Referral)).status == "rejected"

    @pytest.mark.parametrize("body", [{"grants": "pause"}, {"grant": "stop"}, []], ids=str)
    async def test_other_choices_are_refused(self, service: httpx.AsyncClient, body: Any) -> None:
        shared = await share(service)
        answer = await service.post(f"/v1/campaigns/{shared.campaign_id}/disable", json=body)
        refused(answer, 400, "invalid_payload")
        assert await state(service, shared) == (True, "live")
