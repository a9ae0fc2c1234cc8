"""The catalogue of event types: over HTTP, in the OpenAPI document, on its page, and in what really
leaves."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
from sqlalchemy import text

from api.openapi.event_page import PAGE, page
from domain.events.catalogue import EVENT_TYPES
from store.database import Database
from tests.api.api_bodies import made, person, redemption_body, refused, share

_EVERYTHING = text("SELECT to_jsonb(e) FROM events AS e")
HOME = Path(__file__).parents[3]


async def log(client: httpx.AsyncClient, type: str) -> list[Any]:
    """Every event of the type."""
    return list((await made(client.get(f"/v1/event-log?type={type}")))["data"])


def literal_types() -> set[str]:
    """The types that the code records by a literal name."""
    return {
        call.args[0].value
        for room in ("store", "activities", "api")
        for file in (HOME / room).rglob("*.py")
        for call in ast.walk(ast.parse(file.read_text()))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr == "record"
        and call.args
        and isinstance(call.args[0], ast.Constant)
        and isinstance(call.args[0].value, str)
    }


def test_every_type_that_the_code_records_is_in_the_catalogue() -> None:
    found = literal_types()
    assert len(found) > 80
    assert found - set(EVENT_TYPES) == set()


def test_the_page_is_written_from_the_catalogue() -> None:
    assert (HOME / PAGE).read_text() == page(), "run `make events`"


async def test_each_type_answers_a_schema_that_its_example_fits(service: httpx.AsyncClient) -> None:
    answer = await made(service.get("/v1/event-types"))
    assert [each["type"] for each in answer["data"]] == sorted(EVENT_TYPES)
    for each in answer["data"]:
        jsonschema.validate(each["example"], each["schema"])
        assert each["example"]["type"] == each["type"]


async def test_the_openapi_document_describes_each_type_as_a_webhook(
    service: httpx.AsyncClient,
) -> None:
    document = (await service.get("/openapi.json")).json()
    assert sorted(document["webhooks"]) == sorted(EVENT_TYPES)


@pytest.mark.parametrize("pattern", ["grant.deliverd", "grants.*", "nothing"])
async def test_a_subscription_to_an_unknown_type_is_refused_by_name(
    admin: httpx.AsyncClient, pattern: str
) -> None:
    body = {"url": "https://example.com/hook", "events": ["grant.*", pattern]}
    answer = await admin.post("/v1/webhooks", json=body)
    refused(answer, 400, "invalid_payload")
    assert pattern in answer.json()["detail"]


async def test_an_event_of_a_referral_names_both_parties_code_campaign_and_order(
    service: httpx.AsyncClient, admin: httpx.AsyncClient
) -> None:
    shared, friend = await share(service), person()
    await made(service.post("/v1/redemptions", json=redemption_body(shared.code, friend)))
    (event,) = await log(admin, "referral.attributed")
    data = event["data"]
    jsonschema.validate(data, _schema("referral.attributed"))
    assert data["code"] == shared.code
    assert data["campaign"]["name"].startswith("Refer a friend")
    assert data["referrer"]["source_id"] == shared.referrer["source_id"]
    assert data["referee"]["source_id"] == friend["source_id"]
    assert data["referral_id"] == event["referral_id"]


async def test_an_erased_person_is_in_no_event_that_leaves_afterwards(
    service: httpx.AsyncClient, admin: httpx.AsyncClient
) -> None:
    shared, friend = await share(service), person()
    await made(service.post("/v1/redemptions", json=redemption_body(shared.code, friend)))
    erased = await admin.delete(f"/v1/customers/{friend['source_id']}")
    assert erased.is_success, erased.text
    everything = await admin.get("/v1/event-log?limit=100")
    assert friend["source_id"] not in everything.text
    (event,) = await log(admin, "referral.attributed")
    assert event["data"]["referee"]["source_id"] is None


async def test_finance_reads_events_without_the_callers_own_ids(
    service: httpx.AsyncClient, finance: httpx.AsyncClient
) -> None:
    shared, friend = await share(service), person()
    await made(service.post("/v1/redemptions", json=redemption_body(shared.code, friend)))
    (event,) = await log(finance, "referral.attributed")
    assert event["data"]["referee"]["id"] == event["customer_id"]
    for known in (friend["source_id"], shared.referrer["source_id"]):
        assert known not in str(event)


async def test_stored_events_hold_no_personal_data(
    service: httpx.AsyncClient, database: Database
) -> None:
    shared, friend = await share(service), person(email="jo@example.com", name="Jo Doe")
    await made(service.post("/v1/redemptions", json=redemption_body(shared.code, friend)))
    async with database.reading() as session:
        stored = str((await session.execute(_EVERYTHING)).scalars().all())
    for known in (friend["source_id"], "jo@example.com", "Jo Doe", shared.referrer["source_id"]):
        assert known not in stored


def _schema(type: str) -> dict[str, Any]:
    return EVENT_TYPES[type].data.model_json_schema(mode="serialization")
