"""POST /v1/events: the identity of an event, and what it converts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from store.database import Database
from store.tables import Customer, Event, Intake, Referral
from tests.api.api_bodies import card, event_body, made, person, refused, share, tier
from tests.builders import one, qualify, rows

Count = Callable[[], Awaitable[dict[str, int]]]


async def _send(client: httpx.AsyncClient, body: Any, **headers: str) -> Any:
    return await made(client.post("/v1/events", json=body, headers=headers))


class TestWithCode:
    async def test_attributes_and_converts(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        shared = await share(service)
        friend = person(name="Bob", email="bob@acme.com", metadata={"vip": True})
        body = event_body(shared.code, friend, metadata={"event_id": "e1", "sku": 7})
        answer = await _send(service, body)
        referral = await one(database, Referral)
        ref = {"id": referral.id, "status": "converted", "campaign_id": shared.campaign_id}
        ref |= {"reason": None, "rewarded": True, "why_not": None}
        customer = answer["customer"]
        assert answer == {
            "object": "event",
            "type": "first_purchase",
            "customer": friend | {"id": customer["id"], "object": "customer"},
            "referral": ref,
            "referrals": [ref],
            "rewarded": True,
            "why_not": None,
            "loyalty": None,
            "warnings": [],
            "metadata": {"event_id": "e1", "sku": 7},
        }
        assert referral.conversion is not None
        assert referral.conversion["event_id"] == "e1"
        assert len(await rows(database, Intake)) == 1

    async def test_ten_at_once_convert_once(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        shared = await share(service)
        body = event_body(shared.code, metadata={"event_id": "e1"})
        answers = await asyncio.gather(*(_send(service, body) for _ in range(10)))
        assert all(answer == answers[0] for answer in answers)
        assert len(await rows(database, Event, type="referral.converted")) == 1
        assert len(await rows(database, Intake)) == 1

    async def test_another_event_of_a_converted_pair(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        shared = await share(service)
        friend = person()
        answers = [
            await _send(service, event_body(shared.code, friend, metadata={"event_id": id}))
            for id in ("e1", "e2")
        ]
        assert answers[0]["referral"]["id"] == answers[1]["referral"]["id"]
        assert [answer["rewarded"] for answer in answers] == [True, False]
        assert len(await rows(database, Event, type="referral.converted")) == 1

    async def test_identity_from_idempotency_key(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        shared = await share(service)
        await _send(service, event_body(shared.code), **{"Idempotency-Key": "key-1"})
        referral = await one(database, Referral)
        assert referral.conversion is not None
        assert referral.conversion["event_id"] == "key-1"

    async def test_identity_from_contents(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        shared = await share(service)
        body = event_body(shared.code)
        for _ in range(2):
            await _send(service, body)
        assert len(await rows(database, Event, type="referral.converted")) == 1

    async def test_other_event_converts_nothing(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        shared = await share(service)
        answer = await _send(service, event_body(shared.code, event="signed_up"))
        assert (answer["referral"], answer["referrals"]) == (None, [])
        assert await rows(database, Referral) == []

    async def test_second_holder_named(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        shared = await share(service)
        second = person()
        body = {"voucher": shared.code, "customer": second}
        holder = await made(service.post("/v1/publications", json=body))
        sent = event_body(shared.code)
        sent["referral"]["referrer_id"] = second["source_id"]
        await _send(service, sent)
        assert (await one(database, Referral)).referrer_id == holder["customer_id"]

    async def test_repeat_after_the_end(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        shared = await share(service, {"tiers": [], "referee_reward": None})
        friend = await made(service.post("/v1/customers", json=person()))
        await qualify(database, shared.code, friend["id"])
        answer = await _send(service, event_body(shared.code, {"id": friend["id"]}))
        assert answer["referral"]["status"] == "completed"


class TestWithoutCode:
    async def test_converts_every_waiting_referral(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        friend = person()
        ids = []
        for _ in range(2):
            shared = await share(service)
            body = {"code": shared.code, "customer": friend}
            ids.append((await made(service.post("/v1/referrals", json=body), 201))["id"])
        answer = await _send(service, event_body(None, friend, metadata={"event_id": "e1"}))
        assert [ref["id"] for ref in answer["referrals"]] == ids
        assert answer["referral"] == answer["referrals"][0]
        assert {ref["status"] for ref in answer["referrals"]} == {"converted"}
        again = await _send(service, event_body(None, friend, metadata={"event_id": "e1"}))
        assert [ref["id"] for ref in again["referrals"]] == ids
        assert len(await rows(database, Event, type="referral.converted")) == 2

    async def test_matches_nothing(self, service: httpx.AsyncClient, database: Database) -> None:
        answer = await _send(service, event_body(None))
        assert (answer["referral"], answer["referrals"]) == (None, [])
        assert len(await rows(database, Customer)) == 1

    async def test_empty_referral_is_none(self, service: httpx.AsyncClient) -> None:
        for empty in (None, {}, {"code": None}):
            assert (await _send(service, event_body(None, referral=empty)))["referral"] is None


class TestRefusals:
    async def test_leave_a_fact_alone(self, service: httpx.AsyncClient, count_rows: Count) -> None:
        shared, other = await share(service), await share(service)
        friend = person()
        await _send(service, event_body(shared.code, friend))
        publication = {"campaign": {"name": shared.campaign}, "customer": person()}
        second = await made(service.post("/v1/publications", json=publication))
        before = await count_rows()
        stranger = event_body(shared.code)
        stranger["referral"]["referrer_id"] = "nobody"
        for body, status, key in (
            (event_body("NONE"), 404, "resource_not_found"),
            (event_body(shared.code, shared.referrer), 400, "referrer_not_permitted_to_redeem"),
            (event_body(second["voucher"]["code"], friend), 400, "already_referred"),
            (stranger, 400, "invalid_payload"),
        ):
            refused(await service.post("/v1/events", json=body), status, key)
            before["events"] += key != "invalid_payload"
            assert await count_rows() == before
        assert other.code != shared.code

    async def test_a_spent_budget_is_refused(
        self, service: httpx.AsyncClient, database: Database, count_rows: Count
    ) -> None:
        program = {
            "limits": {"budget": {"amount": 2000}},
            "referee_reward": None,
            "tiers": [tier(card(1500))],
        }
        shared = await share(service, program)
        await qualify(database, shared.code)
        before = await count_rows()
        response = await service.post("/v1/events", json=event_body(shared.code))
        refused(response, 400, "budget_exhausted")
        assert await count_rows() == before | {"events": before["events"] + 1}

    @pytest.mark.parametrize(
        ("changes", "key", "pointer"),
        [
            ({"event": None}, "invalid_payload", "/event"),
            ({"event": ""}, "invalid_payload", "/event"),
            ({"event": "e" * 101}, "invalid_payload", "/event"),
            ({"event": 5}, "invalid_payload", "/event"),
            ({"customer": None}, "missing_customer", "/customer"),
            ({"customer": {}}, "missing_customer", "/customer"),
            ({"customer": {"email": "a@acme.com"}}, "missing_customer", "/customer"),
            ({"customer": "bob"}, "invalid_payload", "/customer"),
            ({"customer": {"source_id": "s", "email": "x"}}, "invalid_payload", "/customer/email"),
            ({"metadata": "x"}, "invalid_payload", "/metadata"),
            ({"metadata": {"event_id": "e" * 256}}, "invalid_payload", "/metadata/event_id"),
            ({"referral": "CODE"}, "invalid_payload", "/referral"),
            ({"referral": {"referrer_id": "r"}}, "invalid_payload", "/referral"),
        ],
    )
    async def test_a_malformed_request_is_refused(
        self,
        unchanged: httpx.AsyncClient,
        changes: dict[str, Any],
        key: str,
        pointer: str,
    ) -> None:
        body = event_body(None) | changes
        refused(await unchanged.post("/v1/events", json=body), 400, key, pointer)
