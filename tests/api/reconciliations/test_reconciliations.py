"""Reconciliations over HTTP: what is asked for, refused, and left behind."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from domain.roles import Role
from store.database import Database
from store.reconciliation import repairs, staging
from store.tables import Reconciliation, ReconciliationItem
from tests.api.api_app import client_of, headers_for
from tests.api.api_bodies import made, refused
from tests.builders import one, rows

URL = "/v1/reconciliations"
PERIOD = {"from": "2026-10-01T00:00:00Z", "to": "2026-11-01T00:00:00Z"}
BODY = {"provider": "giftbit", **PERIOD}
MAPPING: dict[str, Any] = {
    "columns": {"provider_order_id": "Order", "amount": "Value", "created_at": "Date"},
    "time_zone": "America/Los_Angeles",
}
STATEMENT = "Order,Value,Date\nG1,15.00,2026-10-05 10:00:00\n"
CSV = {"Content-Type": "text/csv"}


@pytest.fixture
async def beside_temporal(app_with_temporal: FastAPI, database: Database) -> httpx.AsyncClient:
    return client_of(app_with_temporal, await headers_for(database, Role.FINANCE))


async def _item(database: Database, **changes: Any) -> ReconciliationItem:
    run = (await rows(database, Reconciliation))[0]
    given = {"id": "ri_1", "reconciliation_id": run.id, "filed": "in_flight", "status": "open"}
    async with database.transaction() as tx:
        item = ReconciliationItem(**given | changes)
        tx.session.add(item)
    return item


class TestStart:
    async def test_a_reconciliation_runs_to_its_end(
        self, beside_temporal: httpx.AsyncClient
    ) -> None:
        begun = await made(beside_temporal.post(URL, json=BODY), 202)
        assert (begun["status"], begun["totals"], begun["source"]) == ("running", {}, "provider")
        assert begun["differences"] is None
        assert begun["progress"]["lines"] == 0
        assert await made(beside_temporal.get(f"{URL}/{begun['id']}")) == begun
        listed = await made(beside_temporal.get(URL, params={"provider": "giftbit"}))
        assert listed["data"] == [begun]
        assert (await made(beside_temporal.get(URL, params={"status": "failed"})))["total"] == 0

    @pytest.mark.parametrize(
        ("change", "pointer"),
        [
            ({"provider": "nobody"}, "/provider"),
            ({"from": "yesterday"}, "/from"),
            ({"to": PERIOD["from"]}, None),
            ({"extra": 1}, "/extra"),
        ],
    )
    async def test_a_malformed_request_is_refused(
        self,
        finance: httpx.AsyncClient,
        count_rows: Callable[[], Awaitable[dict[str, int]]],
        change: dict[str, Any],
        pointer: str | None,
    ) -> None:
        before = await count_rows()
        refused(await finance.post(URL, json=BODY | change), 400, "invalid_payload", pointer)
        assert await count_rows() == before

    async def test_while_temporal_is_away_nothing_seems_to_run(
        self, finance: httpx.AsyncClient, database: Database
    ) -> None:
        refused(await finance.post(URL, json=BODY), 503, "temporarily_unavailable")
        assert (await one(database, Reconciliation)).status == "failed"

    async def test_a_statement_that_is_not_compared_leaves_no_lines(
        self, finance: httpx.AsyncClient, database: Database
    ) -> None:
        await made(finance.put(f"{URL}/mappings/giftbit", json=MAPPING))
        where = {"provider": "giftbit", **PERIOD}
        sent = finance.post(f"{URL}/statements", params=where, content=STATEMENT, headers=CSV)
        refused(await sent, 503, "temporarily_unavailable")
        run = await one(database, Reconciliation)
        async with database.reading() as session:
            lines = text(f"SELECT to_regclass('{staging.table_of(run.id)}')")
            assert await session.scalar(lines) is None

    async def test_only_some_roles_may_start_a_reconciliation(
        self, support: httpx.AsyncClient, service: httpx.AsyncClient
    ) -> None:
        for client in (support, service):
            refused(await client.post(URL, json=BODY), 403, "forbidden")
            refused(await client.get(URL), 403, "forbidden")


class TestStatements:
    async def test_a_mapping_is_set_once_and_used(
        self, beside_temporal: httpx.AsyncClient, database: Database
    ) -> None:
        url = f"{URL}/mappings/giftbit"
        refused(await beside_temporal.get(url), 404, "resource_not_found")
        await made(beside_temporal.put(url, json=MAPPING))
        stored = await made(beside_temporal.get(url))
        assert stored["time_zone"] == "America/Los_Angeles"
        where = {"provider": "giftbit", **PERIOD}
        sent = beside_temporal.post(
            f"{URL}/statements", params=where, content=STATEMENT, headers=CSV
        )
        begun = await made(sent, 202)
        assert (begun["source"], begun["progress"]["lines"]) == ("statement", 1)
        files = {"file": ("october.csv", STATEMENT, "text/csv")}
        form = beside_temporal.post(f"{URL}/statements", params=where, files=files)
        assert (await made(form, 202))["progress"]["lines"] == 1

    @pytest.mark.parametrize(
        "statement", ["", "Order,Value\nG1,1\n", STATEMENT + "G2,much,2026-10-05 10:00:00\n"]
    )
    async def test_one_that_does_not_fit_leaves_nothing_behind(
        self,
        finance: httpx.AsyncClient,
        count_rows: Callable[[], Awaitable[dict[str, int]]],
        statement: str,
    ) -> None:
        await made(finance.put(f"{URL}/mappings/giftbit", json=MAPPING))
        before = await count_rows()
        where = {"provider": "giftbit", **PERIOD}
        answer = await finance.post(
            f"{URL}/statements", params=where, content=statement, headers=CSV
        )
        refused(answer, 400, "invalid_payload", "/file")
        assert await count_rows() == before

    async def test_no_mapping_no_statement(self, finance: httpx.AsyncClient) -> None:
        where = {"provider": "tango", **PERIOD}
        sent = finance.post(f"{URL}/statements", params=where, content=STATEMENT, headers=CSV)
        refused(await sent, 404, "resource_not_found")
        answer = await finance.post(f"{URL}/statements", params=where, json={})
        refused(answer, 415, "unsupported_media_type")
        answer = await finance.put(f"{URL}/mappings/tango", json={"columns": {}})
        refused(answer, 400, "invalid_payload", "/columns/provider_order_id")


class TestItems:
    async def test_listed_explained_and_not_to_be_repaired_while_in_flight(
        self, finance: httpx.AsyncClient, database: Database
    ) -> None:
        await finance.post(URL, json=BODY)
        item = await _item(database)
        await _item(
            database,
            id="ri_2",
            filed="unknown_to_us",
            provider_order_id="=G9",
            theirs={"state": "issued", "face": 700, "currency": "USD"},
        )
        url = f"{URL}/{item.reconciliation_id}/items"
        listed = await made(finance.get(url, params={"filed": "unknown_to_us"}))
        (found,) = listed["data"]
        assert (found["repair"], found["theirs"]["face"]) == ("open_incident", 700)
        assert "ordered past Guerdon" in found["cause"]
        text = (await finance.get(url, headers={"Accept": "text/csv"})).text
        assert len(text.splitlines()) == 3
        assert "'=G9" in text
        repair = await finance.post(f"{url}/ri_1/repair", json={"reason": "Please."})
        refused(repair, 409, "not_allowed_in_state")
        refused(await finance.get(f"{url}/ri_x"), 404, "resource_not_found")
        refused(
            await finance.post(f"{url}/ri_2/repair", json={}), 400, "invalid_payload", "/reason"
        )
        refused(await finance.get(f"{URL}/rec_x/items"), 404, "resource_not_found")

    async def test_incidents(
        self, finance: httpx.AsyncClient, support: httpx.AsyncClient, database: Database
    ) -> None:
        await finance.post(URL, json=BODY)
        theirs = {"state": "issued", "face": 700, "currency": "USD"}
        item = await _item(database, filed="unknown_to_us", provider_order_id="G9", theirs=theirs)
        async with database.transaction() as tx:
            tx.session.add(item)
            item.repaired_by, item.reason = "app_1", "Ordered by hand."
            await repairs.open_incident(tx, repairs.Difference(item, "giftbit", None), book=True)
        (noted,) = (await made(finance.get("/v1/incidents", params={"provider": "giftbit"})))[
            "data"
        ]
        assert (noted["filed"], noted["provider_order_id"]) == ("unknown_to_us", "G9")
        assert (noted["face"], noted["reason"]) == (700, "Ordered by hand.")
        assert (noted["item_id"], noted["reconciliation_id"]) == (item.id, item.reconciliation_id)
        assert await made(finance.get(f"/v1/incidents/{noted['id']}")) == noted
        other = {"filed": "duplicate_key"}
        assert (await made(finance.get("/v1/incidents", params=other)))["total"] == 0
        refused(await finance.get("/v1/incidents/inc_x"), 404, "resource_not_found")
        refused(await support.get("/v1/incidents"), 403, "forbidden")
