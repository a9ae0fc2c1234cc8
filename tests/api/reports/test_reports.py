"""Finance's reports, against figures that are known beforehand."""

from __future__ import annotations

import csv
import io
from datetime import UTC, timedelta
from typing import Any

import httpx
import pytest

from domain.messages import Step
from store.database import Database, now
from store.staff.cancel import credit_wallet
from store.tables import Customer, Grant
from tests.api.api_bodies import made, refused
from tests.builders import (
    add_campaign,
    add_code,
    add_customer,
    add_grant,
    alter,
    budget,
    credits,
    every_friend,
    gift_card,
    in_past,
    one,
    qualify,
    terms,
)
from tests.ordering import attempt, claim, deliver

DAY = timedelta(days=1)


def _period() -> dict[str, str]:
    return {"from": (now() - DAY).isoformat(), "to": (now() + DAY).isoformat()}


async def _report(client: httpx.AsyncClient, name: str, **query: Any) -> list[dict[str, Any]]:
    body = await made(client.get(f"/v1/reports/{name}", params=query))
    assert body["object"] == "report"
    rows: list[dict[str, Any]] = body["data"]
    return rows


async def _campaign(database: Database, friends: int, amount: int = 1500) -> tuple[str, list[str]]:
    """A campaign with a budget of 1000.00, so many friends, and a card for each conversion."""
    of = terms(every_friend(gift_card(amount)), referee_reward=None, limits=budget(1000_00))
    campaign_id = await add_campaign(database, of)
    code = await add_code(database, campaign_id, await add_customer(database))
    decisions = [await qualify(database, code) for _ in range(friends)]
    return campaign_id, [decision.grants[0].grant_id for decision in decisions]


async def test_orders_spend_and_cost(finance: httpx.AsyncClient, database: Database) -> None:
    campaign_id, grants = await _campaign(database, 4)
    for grant_id in grants[:2]:
        await deliver(database, grant_id)
    await attempt(database, grants[2])

    (row,) = await _report(finance, "orders", by="day", **_period())
    assert (row["campaign_id"], row["orders"], row["issued"]) == (campaign_id, 3, 2)
    assert (row["face_amount"], row["currency"]) == (3000, "USD")

    (spend,) = await _report(finance, "budgets")
    parts = [spend[name] for name in ("budget", "reserved", "committed", "spent", "available")]
    assert parts == [1000_00, 3000, 0, 3000, 940_00]

    (cost,) = await _report(finance, "acquisition", **_period())
    assert (cost["customers"], cost["cost"], cost["cost_per_customer"]) == (4, 3000, 750)


async def test_liability_of_a_past_moment_stays_what_it_was(
    finance: httpx.AsyncClient, database: Database
) -> None:
    campaign_id, grants = await _campaign(database, 3)
    await deliver(database, grants[0])
    wallet = await add_grant(database, credits(700))
    async with database.transaction() as tx:
        await credit_wallet(tx, wallet.id)
    then = now()
    before = await _report(finance, "liability", as_of=then.isoformat())
    owed = {(row["kind"], row["campaign_id"]): row["amount"] for row in before}
    assert owed == {("granted", campaign_id): 3000, ("wallets", None): 700}

    await deliver(database, grants[1])
    await _campaign(database, 2)
    assert await _report(finance, "liability", as_of=then.isoformat()) == before
    today = {row["campaign_id"]: row["amount"] for row in await _report(finance, "liability")}
    assert today[campaign_id] == 1500
    ahead = (now() + DAY).isoformat()
    response = await finance.get("/v1/reports/liability", params={"as_of": ahead})
    refused(response, 400, "invalid_payload")


async def test_time_to_reward(finance: httpx.AsyncClient, database: Database) -> None:
    _, grants = await _campaign(database, 3)
    for grant_id in grants:
        await deliver(database, grant_id)
    (row,) = await _report(finance, "delivery-times", **_period())
    assert (row["rewards"], row["missed"]) == (3, 0)
    assert 0 <= row["p50"] <= row["p90"] <= row["p99"] < 120
    (strict,) = await _report(finance, "delivery-times", promised="PT0S", **_period())
    assert strict["missed"] == 3


async def test_the_report_shows_what_is_late_and_what_unblocks_it(
    support: httpx.AsyncClient, database: Database
) -> None:
    _, grants = await _campaign(database, 3)
    late, parked, _ = [await one(database, Grant, id=id) for id in grants]
    await alter(database, late, status="ordered", updated_at=in_past(days=8))
    await alter(
        database,
        parked,
        status="needs_attention",
        attention="recipient_incomplete",
        due_at=in_past(hours=3),
    )
    rows = await _report(support, "promises")
    assert [(row["id"], row["state"]) for row in rows] == [
        (late.id, "ordered"),
        (parked.id, "needs_attention"),
    ]
    assert "address" in rows[1]["unblocked_by"]
    assert rows[0]["late_by"] == pytest.approx(24 * 3600, abs=120)


class TestTaxes:
    async def test_a_grant_that_crosses_the_threshold_waits_for_the_form(
        self, finance: httpx.AsyncClient, support: httpx.AsyncClient, database: Database
    ) -> None:
        body = {"amount": 4000, "form": "W-9"}
        await made(finance.put("/v1/tax-thresholds/USD", json=body))
        _, grants = await _campaign(database, 3)
        person = (await one(database, Grant, id=grants[0])).recipient_id
        await deliver(database, grants[0])
        await deliver(database, grants[1])  # 30.00 of 40.00
        step = await claim(database, grants[2])
        assert isinstance(step, Step)
        held = await one(database, Grant, id=grants[2])
        assert (held.status, held.attention) == ("needs_attention", "tax_form_missing")
        assert "W-9" in (held.attention_detail or "")

        row = {"customer_id": person, "currency": "USD", "amount": 3000, "threshold": 4000}
        year = now().astimezone(UTC).year
        assert await _report(finance, "taxes", year=year) == [
            row | {"crossed": False, "form": None}
        ]
        own = (await one(database, Customer, id=person)).source_id
        put = support.put(f"/v1/customers/{own}/tax-form", json={"form": "W-9"})
        assert (await made(put))["customer_id"] == person
        await deliver(database, grants[2])
        (after,) = await _report(finance, "taxes", year=year)
        assert after == row | {"amount": 4500, "crossed": True, "form": "W-9"}
        assert await _report(finance, "taxes", year=year - 1) == []

    async def test_the_threshold_is_data(
        self, finance: httpx.AsyncClient, service: httpx.AsyncClient
    ) -> None:
        url = "/v1/tax-thresholds"
        assert (await made(finance.get(url)))["data"] == []
        for amount in (60_000, 200_000):
            body = {"amount": amount, "form": "W-9"}
            await made(finance.put(f"{url}/USD", json=body))
        (listed,) = (await made(finance.get(url)))["data"]
        assert (listed["currency"], listed["amount"]) == ("USD", 200_000)
        body = {"amount": 0, "form": "W-9"}
        refused(await finance.put(f"{url}/USD", json=body), 400, "invalid_payload", "/amount")
        body = {"amount": 1, "form": "W-9"}
        refused(await finance.put(f"{url}/XYZ", json=body), 400, "invalid_payload")
        refused(await service.put(f"{url}/USD", json=body), 403, "forbidden")
        answer = await finance.put("/v1/customers/cust_x/tax-form", json={"form": "W-9"})
        refused(answer, 404, "resource_not_found")


async def test_as_csv(finance: httpx.AsyncClient, database: Database) -> None:
    of = terms(every_friend(gift_card()), referee_reward=None, limits=budget(100_00))
    campaign_id = await add_campaign(database, of, name="=cmd()")
    response = await finance.get("/v1/reports/budgets", headers={"Accept": "text/csv"})
    assert response.headers["content-type"].startswith("text/csv")
    (line,) = list(csv.DictReader(io.StringIO(response.text)))
    assert (line["campaign_id"], line["budget"]) == (campaign_id, "10000")
    assert line["campaign"] == "'=cmd()"


async def test_only_some_roles_read_reports(
    service: httpx.AsyncClient, support: httpx.AsyncClient
) -> None:
    refused(await support.get("/v1/reports/budgets"), 403, "forbidden")
    refused(await service.get("/v1/reports/promises"), 403, "forbidden")
    assert await _report(support, "promises") == []


async def test_nothing_happened_yet(finance: httpx.AsyncClient) -> None:

    assert await _report(finance, "orders", **_period()) == []
    assert await _report(finance, "liability") == []
