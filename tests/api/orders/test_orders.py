"""Gift-card orders and the ledger, as finance reads them."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import httpx
import pytest

from domain.ids import Prefix, new_id
from domain.orders import OrderState
from store.database import Database, now
from store.tables import Grant, Order
from tests.api.api_bodies import campaign_body, made, refused
from tests.builders import PROVIDER, add_grant, budget, credits, gift_card


async def add_order(database: Database, grant: Grant, **changes: object) -> Order:
    """An order as the purchase writes it down."""
    number = new_id(Prefix.ORDER)
    given = {
        "id": number,
        "grant_id": grant.id,
        "provider": PROVIDER,
        "key": f"gd{number[4:]}g1",
        "generation": 1,
        "fingerprint": "f",
        "hook_token": f"token-{number}",
        "face_amount": grant.amount,
        "currency": grant.currency,
        "state": OrderState.PENDING,
        "created_at": now(),
    }
    order = Order(**given | changes)
    async with database.transaction() as tx:
        tx.session.add(order)
    return order


class TestOrders:
    async def test_one_is_read_by_its_id(
        self, finance: httpx.AsyncClient, database: Database
    ) -> None:
        order = await add_order(database, await add_grant(database, gift_card(2500)))
        answer = await made(finance.get(f"/v1/gift-card-orders/{order.id}"))
        assert (answer["key"], answer["face_amount"]) == (order.key, 2500)
        assert (answer["state"], answer["delivery_state"], answer["redemption_state"]) == (
            "pending",
            "pending",
            "unknown",
        )
        assert "hook_token" not in answer
        assert "request" not in answer
        refused(await finance.get("/v1/gift-card-orders/ord_x"), 404, "resource_not_found")

    async def test_shown_with_its_grant(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        grant = await add_grant(database)
        failed = await add_order(database, grant, state=OrderState.FAILED)
        order = await add_order(database, grant, generation=2, key="gdsecond")
        answer = await made(service.get(f"/v1/grants/{grant.id}"))
        assert answer["order"]["id"] == order.id != failed.id
        listed = await made(service.get("/v1/grants"))
        assert (listed["total"], len(listed["data"])) == (1, 1)

    async def test_the_list_can_be_filtered(
        self, finance: httpx.AsyncClient, database: Database
    ) -> None:
        old = now() - timedelta(days=2)
        first = await add_order(database, await add_grant(database), created_at=old)
        second = await add_order(
            database, await add_grant(database), state=OrderState.ISSUED, provider="other"
        )
        since = (now() - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        for query, wanted in (
            ("", [second, first]),
            (f"provider={PROVIDER}", [first]),
            ("state=issued", [second]),
            (f"key={first.key}", [first]),
            (f"from={since}", [second]),
            (f"to={since}", [first]),
        ):
            found = await made(finance.get(f"/v1/gift-card-orders?{query}"))
            assert [one["id"] for one in found["data"]] == [order.id for order in wanted]
        for query in ("state=lost", "from=yesterday"):
            response = await finance.get(f"/v1/gift-card-orders?{query}")
            refused(response, 400, "invalid_payload")

    async def test_csv_has_them_all(self, finance: httpx.AsyncClient, database: Database) -> None:
        orders = [await add_order(database, await add_grant(database)) for _ in range(12)]
        response = await finance.get("/v1/gift-card-orders", headers={"Accept": "text/csv"})
        assert response.headers["content-type"].startswith("text/csv")
        lines = list(csv.DictReader(io.StringIO(response.text)))
        assert [line["id"] for line in lines] == [order.id for order in orders]
        assert lines[0]["face_amount"] == "1500"
        assert lines[0]["charged_amount"] == ""
        assert "token" not in response.text


class TestLedger:
    async def test_balances(
        self, admin: httpx.AsyncClient, finance: httpx.AsyncClient, database: Database
    ) -> None:
        body = campaign_body({"limits": {"budget": {"amount": 50_000}}})
        campaign = await made(admin.post("/v1/campaigns", json=body))
        answer = await made(finance.get("/v1/ledger/balances"))
        found = {(one["account"], one["currency"]): one["balance"] for one in answer["data"]}
        assert found == {
            (f"campaign/{campaign['id']}/available", "USD"): 50_000,
            ("funding", "USD"): -50_000,
        }
        assert (answer["totals"], answer["has_more"]) == ({"USD": 0}, False)

    async def test_a_grant_moves_its_amount_from_available_to_reserved(
        self, finance: httpx.AsyncClient, database: Database
    ) -> None:
        grant = await add_grant(database, credits(900), limits=budget(10_000))
        query = f"account=campaign/{grant.campaign_id}/"
        answer = await made(finance.get(f"/v1/ledger/balances?{query}"))
        found = {one["account"].rpartition("/")[2]: one["balance"] for one in answer["data"]}
        assert found == {"available": 9100, "reserved": 900}
        assert answer["total"] == 2

    async def test_the_list_comes_in_pages(
        self, finance: httpx.AsyncClient, database: Database
    ) -> None:
        for _ in range(3):
            await add_grant(database, credits())
        seen: list[str] = []
        query = "limit=2"
        while True:
            answer = await made(finance.get(f"/v1/ledger/balances?{query}"))
            seen += [one["id"] for one in answer["data"]]
            if not answer["has_more"]:
                break
            query = f"limit=2&starting_after_id={seen[-1]}"
        assert seen == sorted(seen)
        assert len(seen) == len(set(seen)) == answer["total"] == 12

    @pytest.mark.parametrize("limit", ["0", "101", "x"])
    async def test_a_malformed_request_is_refused(
        self, finance: httpx.AsyncClient, limit: str
    ) -> None:
        response = await finance.get(f"/v1/ledger/balances?limit={limit}")
        refused(response, 400, "invalid_payload")
