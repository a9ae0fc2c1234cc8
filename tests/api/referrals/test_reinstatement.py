"""Reinstatement over HTTP, and what each answer says of the reward."""

from __future__ import annotations

from typing import Any

import httpx

from store.database import Database
from store.qualification.qualify import judge_again
from store.reversals import carry_out as reversing
from store.tables import Event, Intake, Referral
from tests.api.api_bodies import event_body, made, person, refused, share
from tests.builders import one, rows

REASON = {"reason": "The refund was entered by mistake."}
ORDER = {"source_id": "order-77", "amount": 4000}


async def settle(database: Database) -> None:
    """What the workflows do."""
    for referral in await rows(database, Referral):
        await judge_again(database, referral.id, referral.workflow_id)
        async with database.transaction() as tx:
            answer = await reversing.carry_out(tx, referral.id)
        if answer.judge:
            await judge_again(database, referral.id, referral.workflow_id)


async def bought(client: httpx.AsyncClient, database: Database) -> tuple[Any, str]:
    """An event's body, and the referral that it converted."""
    shared = await share(client, {"hold": "P14D"})
    body = event_body(shared.code, person(), order=ORDER, metadata={"event_id": "evt-1"})
    answer = await made(client.post("/v1/events", json=body))
    assert (answer["rewarded"], answer["why_not"]) == (True, None)
    await settle(database)
    return body, answer["referral"]["id"]


async def refunded(client: httpx.AsyncClient, database: Database) -> tuple[Any, str]:
    body, referral_id = await bought(client, database)
    refund = {"order_source_id": "order-77", "reason": "Sent back"}
    await made(client.post("/v1/reversals", json=refund))
    await settle(database)
    return body, referral_id


async def test_staff_bring_it_back(
    admin: httpx.AsyncClient, support: httpx.AsyncClient, database: Database
) -> None:
    _, referral_id = await refunded(admin, database)
    path = f"/v1/referrals/{referral_id}"
    undone = await made(admin.get(path))
    assert (undone["status"], undone["rewarded"]) == ("reversed", False)
    assert "undone" in undone["why_not"]
    for _ in range(2):
        answer = await made(support.post(f"{path}/reinstate", json=REASON))
        assert answer["rewarded"]
    await settle(database)
    assert (await made(admin.get(path)))["status"] == "on_hold"
    (asked,) = await rows(database, Event, type="referral.reinstatement_asked")
    assert asked.source == "staff"
    refused(await support.post(f"{path}/reinstate", json=REASON), 409, "not_allowed_in_state")


async def test_the_same_order_bought_after_all_brings_it_back(
    admin: httpx.AsyncClient, database: Database
) -> None:
    body, referral_id = await refunded(admin, database)
    late = await made(admin.post("/v1/events", json=body))
    assert not late["rewarded"]
    again = body | {"metadata": {"event_id": "evt-2"}}
    answer = await made(admin.post("/v1/events", json=again))
    assert (answer["referral"]["id"], answer["rewarded"]) == (referral_id, True)
    await settle(database)
    assert (await one(database, Referral)).status == "on_hold"


async def test_an_event_without_a_code_reinstates_too(
    admin: httpx.AsyncClient, database: Database
) -> None:
    body, referral_id = await refunded(admin, database)
    again = {name: value for name, value in body.items() if name != "referral"}
    again["metadata"] = {"event_id": "evt-2"}
    answer = await made(admin.post("/v1/events", json=again))
    assert (answer["referral"]["id"], answer["rewarded"]) == (referral_id, True)


async def test_a_finding_is_not_undone_by_an_event(
    admin: httpx.AsyncClient, support: httpx.AsyncClient, database: Database
) -> None:
    body, referral_id = await bought(admin, database)
    fraud = {"reason": "One person, two accounts"}
    await made(support.post(f"/v1/referrals/{referral_id}/reverse", json=fraud))
    await settle(database)
    again = body | {"metadata": {"event_id": "evt-2"}}
    answer = await made(admin.post("/v1/events", json=again))
    assert not answer["rewarded"]
    assert (await one(database, Referral)).reinstating is None


async def test_a_further_event_of_a_converted_friend_earns_nothing_and_says_so(
    admin: httpx.AsyncClient, database: Database
) -> None:
    body, _ = await bought(admin, database)
    again = body | {"order": ORDER | {"source_id": "order-78"}, "metadata": {"event_id": "evt-2"}}
    answer = await made(admin.post("/v1/events", json=again))
    assert (answer["rewarded"], answer["referral"]["rewarded"]) == (False, False)
    assert "another event" in answer["why_not"]
    repeated = await made(admin.post("/v1/events", json=body))
    assert repeated["rewarded"]


async def test_refusals(
    admin: httpx.AsyncClient, service: httpx.AsyncClient, database: Database
) -> None:
    _, referral_id = await bought(admin, database)
    path = f"/v1/referrals/{referral_id}/reinstate"
    refused(await admin.post(path, json=REASON), 409, "not_allowed_in_state")
    refused(await admin.post(path, json={}), 400, "invalid_payload", "/reason")
    refused(await service.post(path, json=REASON), 403, "forbidden")
    unknown = await admin.post("/v1/referrals/ref_none/reinstate", json=REASON)
    refused(unknown, 404, "resource_not_found")
    assert [row for row in await rows(database, Intake) if row.reversal_id] == []
