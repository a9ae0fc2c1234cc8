"""The ledger over HTTP: deposits, transactions, and balances of the past."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import httpx
import pytest

from store.database import Database, now
from tests.api.api_bodies import made, refused
from tests.builders import add_grant

DEPOSIT = {"provider": "giftbit", "amount": 5000_00, "currency": "USD", "reference": "wire 17"}


class TestDeposits:
    async def test_are_booked_once(self, finance: httpx.AsyncClient) -> None:
        for _ in range(2):
            answer = await made(finance.post("/v1/ledger/deposits", json=DEPOSIT), 201)
            assert answer == DEPOSIT | {"object": "deposit", "balance": 5000_00}
        other = DEPOSIT | {"amount": 1}
        refused(await finance.post("/v1/ledger/deposits", json=other), 409, "identity_reused")

    @pytest.mark.parametrize(
        ("change", "pointer"),
        [
            ({"amount": 0}, "/amount"),
            ({"amount": 1.5}, "/amount"),
            ({"currency": "XXZ"}, "/currency"),
            ({"reference": ""}, "/reference"),
            ({"provider": None}, "/provider"),
        ],
        ids=str,
    )
    async def test_a_malformed_request_is_refused(
        self, finance: httpx.AsyncClient, change: dict[str, object], pointer: str
    ) -> None:
        response = await finance.post("/v1/ledger/deposits", json=DEPOSIT | change)
        refused(response, 400, "invalid_payload", pointer)

    async def test_only_finance_may_book_deposits(self, support: httpx.AsyncClient) -> None:
        refused(await support.post("/v1/ledger/deposits", json=DEPOSIT), 403, "forbidden")


class TestTransactions:
    async def test_are_whole_and_newest_first(
        self, finance: httpx.AsyncClient, database: Database
    ) -> None:
        grants = [await add_grant(database) for _ in range(3)]
        query = "account=liability/&limit=2"
        first = await made(finance.get(f"/v1/ledger/transactions?{query}"))
        assert [one["subject"] for one in first["data"]] == [grants[2].id, grants[1].id]
        assert (first["total"], first["has_more"]) == (3, True)
        for one in first["data"]:
            assert one["kind"] == "reserve"
            assert len(one["entries"]) == 4
            assert sum(entry["amount"] for entry in one["entries"]) == 0
        after = first["data"][-1]["id"]
        rest = await made(finance.get(f"/v1/ledger/transactions?{query}&starting_after_id={after}"))
        assert [one["subject"] for one in rest["data"]] == [grants[0].id]

    async def test_the_list_can_be_filtered(
        self, finance: httpx.AsyncClient, database: Database
    ) -> None:
        grant = await add_grant(database)
        await made(finance.post("/v1/ledger/deposits", json=DEPOSIT), 201)
        later = (now() + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        for query, kinds in (
            ("", ["deposit", "reserve"]),
            ("kind=reserve", ["reserve"]),
            (f"subject={grant.id}", ["reserve"]),
            ("account=treasury", ["deposit"]),
            (f"to={later}", ["deposit", "reserve"]),
            (f"from={later}", []),
        ):
            found = await made(finance.get(f"/v1/ledger/transactions?{query}"))
            assert [one["kind"] for one in found["data"]] == kinds, query

    async def test_csv_has_every_entry(
        self, finance: httpx.AsyncClient, database: Database
    ) -> None:
        grant = await add_grant(database)
        accept = {"Accept": "text/csv"}
        response = await finance.get("/v1/ledger/transactions", headers=accept)
        lines = list(csv.DictReader(io.StringIO(response.text)))
        assert [line["subject"] for line in lines] == [grant.id] * 4
        assert sum(int(line["amount"]) for line in lines) == 0


class TestPastBalances:
    async def test_are_what_had_been_posted_before(
        self, finance: httpx.AsyncClient, database: Database
    ) -> None:
        await made(finance.post("/v1/ledger/deposits", json=DEPOSIT), 201)
        yesterday = (now() - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        tomorrow = (now() + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        before = await made(finance.get(f"/v1/ledger/balances?at={yesterday}"))
        assert (before["data"], before["total"], before["totals"]) == ([], 0, {})
        after = await made(finance.get(f"/v1/ledger/balances?at={tomorrow}"))
        assert {one["account"]: one["balance"] for one in after["data"]} == {
            "provider/giftbit/deposit": 5000_00,
            "treasury": -5000_00,
        }
