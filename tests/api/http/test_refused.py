"""Whatever about a code is refused leaves the reason, in the words that the caller was told, and
nothing else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from store.database import Database
from store.tables import Event
from tests.api.api_bodies import (
    REDEMPTION,
    event_body,
    made,
    person,
    redemption_body,
    refused,
    share,
)
from tests.builders import rows

Count = Callable[[], Awaitable[dict[str, int]]]


class Desk:
    """Sends what is refused, and reads what is told of it."""

    def __init__(self, client: httpx.AsyncClient, database: Database, count_rows: Count) -> None:
        self.client, self.database, self.count_rows = client, database, count_rows

    async def is_refused(self, key: str, path: str, body: dict[str, Any]) -> Event:
        """The fact that it left, which is all that it left."""
        before, known = await self.count_rows(), await rows(self.database, Event)
        answer = await self.client.post(path, json=body)
        refused(answer, 404 if key == "resource_not_found" else 400, key)
        after = await self.count_rows()
        assert {table: after[table] - before[table] for table in after if after[table]} == {
            table: int(table == "events" or (path == "/v1/redemptions" and table == "redemptions"))
            for table in after
            if after[table]
        }
        seen = {event.seq for event in known}
        (fact,) = [each for each in await rows(self.database, Event) if each.seq not in seen]
        assert fact.data["failure_code"] == key
        missing = key == "resource_not_found"
        assert fact.detail == ("There is no such code." if missing else answer.json()["detail"])
        return fact


async def test_a_code_that_cannot_count(
    service: httpx.AsyncClient,
    admin: httpx.AsyncClient,
    database: Database,
    count_rows: Count,
) -> None:
    desk = Desk(service, database, count_rows)
    shared = await share(service)
    other = {"campaign": {"name": shared.campaign}, "customer": person()}
    second = (await made(service.post("/v1/publications", json=other)))["voucher"]["code"]
    adding = service.post(f"/v1/campaigns/{shared.campaign_id}/vouchers")
    unpublished = (await made(adding))["code"]
    friend = person()
    known = await made(service.post("/v1/referrals", json=_sign_up(shared.code, friend)), 201)
    asks: list[tuple[str, str, Callable[[str, Any], dict[str, Any]]]] = [
        ("conversion.refused", "/v1/events", event_body),
        ("referral.refused", "/v1/referrals", _sign_up),
        ("redemption.failed", "/v1/redemptions", redemption_body),
    ]
    for type, path, body in asks:
        twice = await desk.is_refused("already_referred", path, body(second, friend))
        own = await desk.is_refused(
            "referrer_not_permitted_to_redeem", path, body(shared.code, shared.referrer)
        )
        early = await desk.is_refused("resource_not_found", path, body("NO-SUCH-CODE", friend))
        assert {twice.type, own.type, early.type} == {type}
        assert own.customer_id == known["referrer_id"]
        assert twice.campaign_id == shared.campaign_id
        assert early.campaign_id is None
        closed = await service.post(path, json=body(unpublished, person()))
        assert not closed.is_success
        told = await desk.is_refused(closed.json()["key"], path, body(unpublished, person()))
        assert told.customer_id is None
    timeline = await made(admin.get(f"/v1/referrals/{known['id']}/timeline"))
    words = {
        (each["title"], each["detail"])
        for each in timeline["data"]
        if each["type"].endswith((".refused", ".failed"))
    }
    assert words == {
        ("Conversion event refused", "This customer was referred by another code."),
        ("Referral refused", "This customer was referred by another code."),
        ("Referral code refused", "This customer was referred by another code."),
    }


def _sign_up(code: str, customer: dict[str, Any]) -> dict[str, Any]:
    return {"code": code, "customer": customer}


async def test_an_empty_pool(
    service: httpx.AsyncClient, database: Database, count_rows: Count
) -> None:
    desk = Desk(service, database, count_rows)
    shared = await share(service, REDEMPTION, type="STATIC", vouchers_count=1)
    jane = person()
    await made(service.post("/v1/customers", json=jane))
    body = {"campaign": {"name": shared.campaign}, "customer": jane}
    fact = await desk.is_refused("no_voucher_suitable_for_publication", "/v1/publications", body)
    assert (fact.type, fact.campaign_id) == ("publication.failed", shared.campaign_id)
    assert fact.detail == "All codes of this campaign are given out."
    listed = await made(service.get(f"/v1/customers/{jane['source_id']}/activity"))
    assert listed["data"][0]["type"] == "customer.publication.failed"
    assert listed["data"][0]["data"]["detail"] == fact.detail


async def test_a_malformed_request_leaves_nothing(
    service: httpx.AsyncClient, database: Database, count_rows: Count
) -> None:
    before = await count_rows()
    answer = await service.post("/v1/events", json={"event": "", "customer": person()})
    refused(answer, 400, "invalid_payload", "/event")
    assert await count_rows() == before
