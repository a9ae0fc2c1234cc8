"""`make bench-scale` in small: its database is as right as a real one, and nothing is left out."""

from __future__ import annotations

import random
from typing import Any

import asyncpg
import httpx
import pytest_asyncio

from bench.speed.scale.fill import Filled
from bench.speed.scale.questions import narrows, operations, questions, source, words
from store.counts.check import check, recount
from store.database import Database
from store.ledger.balances import totals
from store.tables import Referral
from tests.api.api_bodies import event_body, made, person, redemption_body, share
from tests.auditing import assert_books_agree
from tests.builders import rows

COPIES = 6


@pytest_asyncio.fixture
async def document(service: httpx.AsyncClient) -> dict[str, Any]:
    found: dict[str, Any] = await made(service.get("/openapi.json"))
    return found


async def fill(database_url: str, service: httpx.AsyncClient) -> int:
    """A few referrals that the product made, and copies of them; answers how many there are."""
    shared = await share(service)
    await made(service.post("/v1/events", json=event_body(shared.code)))
    await made(service.post("/v1/referrals", json={"code": shared.code, "customer": person()}), 201)
    redeemed = await share(service, {"conversion_event_type": "redemption", "custom_event": None})
    await made(service.post("/v1/redemptions", json=redemption_body(redeemed.code)))
    filled = Filled(database_url, settings=())
    pattern = await filled.begin()
    await filled.grow(COPIES // 2)
    await filled.grow(COPIES)
    return pattern * (1 + COPIES)


async def test_every_operation_that_narrows_has_values_to_be_asked_with(
    document: dict[str, Any],
) -> None:
    missing = [
        f"{path} {parameter['name']}"
        for path, parameters in operations(document)
        for parameter in parameters
        if parameter.get("required") or narrows(parameter)
        if not words(document, parameter) and source(path, parameter["name"]) is None
    ]
    assert missing == []


async def test_every_get_operation_is_asked_and_answers(
    database: Database,
    database_url: str,
    service: httpx.AsyncClient,
    document: dict[str, Any],
) -> None:
    await fill(database_url, service)
    connection = await asyncpg.connect(database_url)
    asked = await questions(connection, document)
    await connection.close()
    paths = {path for path, methods in document["paths"].items() if "get" in methods}
    assert {question.path for question in asked} == paths
    dice, wrong = random.Random(1), []
    for question in asked:
        path, query = question.draw(dice)
        answer = await service.get(path, params=query)
        away = path == "/readyz"  # Temporal is
        if answer.status_code not in (200, 403, 404, 410) and not away:
            wrong.append(f"{question.name}: {answer.status_code} {answer.text[:200]}")
    assert wrong == []


async def test_a_filled_database_is_as_right_as_a_real_one(
    database: Database,
    database_url: str,
    service: httpx.AsyncClient,
) -> None:
    expected = await fill(database_url, service)
    assert len(await rows(database, Referral)) == expected
    await recount(database)
    assert (await check(database)).different == []
    async with database.reading() as session:
        assert set((await totals(session)).values()) == {0}
    listed = await made(service.get("/v1/referrals", params={"limit": 100}))
    assert (listed["total"], listed["total_exact"]) == (expected, True)
    assert len({one["id"] for one in listed["data"]}) == expected
    await assert_books_agree(database)
