"""Why a code cannot be used: each reason by its key, in one order, the same for a validation and
for the redemption after it; and the refused use is kept."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx

from store.database import Database, now
from store.tables import Budget, Campaign, Voucher
from tests.api.api_bodies import REDEMPTION, made, person, redemption_body, refused, share
from tests.builders import alter, in_past, one

Count = Callable[[], Awaitable[dict[str, int]]]


class Checkout:
    """Validates and then redeems, and sees that both say the same."""

    def __init__(self, client: httpx.AsyncClient, count_rows: Count) -> None:
        self.client = client
        self.count_rows = count_rows
        self.refusals: list[str] = []
        self.verdicts: list[tuple[str, dict[str, Any]]] = []
        """Of the refusals that a check decided: its name, and its numbers."""

    async def is_refused(self, key: str, code: str, customer: dict[str, Any]) -> None:
        body = redemption_body(code, customer)
        before = await self.count_rows()
        validation = await made(self.client.post("/v1/validations", json=body))
        assert await self.count_rows() == before
        assert (validation["valid"], validation["order"]) == (False, None)
        (redeemable,) = validation["inapplicable_redeemables"]
        error = redeemable["result"]["error"]
        response = await self.client.post("/v1/redemptions", json=body)
        refused(response, 404 if key == "resource_not_found" else 400, key)
        problem = response.json()
        assert {name: error[name] for name in ("key", "code", "details")} == {
            name: problem[name] for name in ("key", "code", "details")
        }
        for verdict in problem["verdicts"]:
            assert (verdict["passed"], verdict["detail"]) == (False, problem["detail"])
            self.verdicts.append((verdict["check"], verdict["numbers"]))
        left = await self.count_rows()
        assert {table for table in left if left[table] != before[table]} == {
            "redemptions",
            "events",
        }
        self.refusals.append(key)

    async def succeeds(self, code: str, customer: dict[str, Any]) -> Any:
        body = redemption_body(code, customer)
        before = await self.count_rows()
        validation = await made(self.client.post("/v1/validations", json=body))
        assert await self.count_rows() == before
        assert validation["valid"]
        redemption = await made(self.client.post("/v1/redemptions", json=body))
        ours = ("customer_id", "referrer_id")
        assert {k: v for k, v in validation["order"].items() if k not in ours} == {
            k: v for k, v in redemption["order"].items() if k not in ours
        }
        return redemption["redemptions"][0]


async def test_reasons_in_their_order(
    service: httpx.AsyncClient, database: Database, count_rows: Count
) -> None:
    """Every reason holds at once; each is told once the ones before it are gone."""
    limits = {"budget": {"amount": 100_000, "currency": "USD"}}
    shared = await share(service, REDEMPTION | {"limits": limits})
    publication = {"campaign": {"name": shared.campaign}, "customer": person()}
    other = (await made(service.post("/v1/publications", json=publication)))["voucher"]["code"]
    checkout, friend, stranger = Checkout(service, count_rows), person(), person()
    await checkout.succeeds(shared.code, friend)

    async def voucher(**columns: Any) -> None:
        await alter(database, await one(database, Voucher, code=shared.code), **columns)

    async def campaign(**columns: Any) -> None:
        await alter(database, await one(database, Campaign), **columns)

    async def budget(reserved: int) -> None:
        await alter(database, await one(database, Budget), reserved=reserved)

    tomorrow = now() + timedelta(days=1)
    await voucher(
        active=False,
        quantity=1,
        expiration_date=in_past(hours=1),
        start_date=tomorrow,
    )
    await campaign(active=False, expiration_date=in_past(hours=1))
    await budget(100_000)

    await checkout.is_refused("resource_not_found", "NO-SUCH-CODE", friend)
    await checkout.is_refused("referrer_not_permitted_to_redeem", shared.code, shared.referrer)
    await checkout.is_refused("already_referred", other, friend)
    await checkout.is_refused("quantity_exceeded", shared.code, friend)
    await voucher(quantity=None)
    await checkout.is_refused("voucher_disabled", shared.code, friend)
    await voucher(active=True)
    await checkout.is_refused("voucher_expired", shared.code, friend)
    await voucher(expiration_date=None)
    await checkout.is_refused("voucher_not_active", shared.code, friend)
    await voucher(start_date=None)
    await checkout.is_refused("redemption_rules_violated", shared.code, friend)
    await checkout.is_refused("campaign_not_live", shared.code, stranger)
    await campaign(active=True)
    await checkout.is_refused("campaign_not_live", shared.code, stranger)
    await campaign(expiration_date=None, start_date=tomorrow)
    await checkout.is_refused("campaign_not_live", shared.code, stranger)
    await campaign(start_date=None)
    await checkout.is_refused("budget_exhausted", shared.code, stranger)
    await budget(0)
    used = (await one(database, Voucher, code=shared.code)).redeemed_quantity
    await checkout.succeeds(shared.code, stranger)
    assert used == 1, "refused uses consumed nothing"

    assert [(check, *sorted(set(numbers) - {"at"})) for check, numbers in checkout.verdicts] == [
        ("code_uses", "after", "limit"),
        ("code_active",),
        ("code_dates", "ends"),
        ("code_dates", "starts"),
        ("redemptions_per_customer", "after", "limit"),
        ("campaign_active",),
        ("campaign_dates", "ends"),
        ("campaign_dates", "starts"),
        ("budget", "currency", "left", "limit", "needed"),
    ]
    numbers = dict(checkout.verdicts)
    assert numbers["redemptions_per_customer"] == {"limit": 1, "after": 2}
    assert numbers["code_uses"] == {"limit": 1, "after": 2}
    assert numbers["code_dates"]["starts"] == tomorrow.isoformat()
    assert (numbers["budget"]["limit"], numbers["budget"]["left"]) == (100_000, 0)
    # Where the use was the referral's first, its verdict is part of the referral's story.
    (verdict,) = [
        verdict
        for verdict in (await made(service.get("/v1/referrals?limit=1")))["data"][0]["verdicts"]
        if verdict["check"] == "redemptions_per_customer"
    ]
    assert (verdict["passed"], verdict["numbers"]) == (True, {"limit": 1, "after": 1})

    listed = await made(service.get("/v1/redemptions?result=FAILURE&limit=100"))
    assert [failure["failure_code"] for failure in listed["data"]] == checkout.refusals[::-1]
    assert all(failure["id"].startswith("rf_") for failure in listed["data"])
    assert (await made(service.get("/v1/redemptions?result=SUCCESS")))["total"] == 2
    assert (await made(service.get("/v1/redemptions?limit=3")))["total"] == listed["total"] + 2


async def test_an_unpublished_code_is_refused(
    service: httpx.AsyncClient, database: Database, count_rows: Count
) -> None:
    await share(service, type="STATIC", vouchers_count=2)
    free = await one(database, Voucher, published=False)
    checkout = Checkout(service, count_rows)
    await checkout.is_refused("voucher_not_active", free.code, person())
    await alter(database, free, active=False)
    await checkout.is_refused("voucher_disabled", free.code, person())


async def test_one_who_shares_the_code_is_no_friend(
    service: httpx.AsyncClient, count_rows: Count
) -> None:
    shared, sharer = await share(service), person()
    body = {"voucher": shared.code, "customer": sharer}
    await made(service.post("/v1/publications", json=body))
    checkout = Checkout(service, count_rows)
    await checkout.is_refused("referrer_not_permitted_to_redeem", shared.code, sharer)


async def test_a_failure_is_found_by_its_id(service: httpx.AsyncClient) -> None:
    shared, known = await share(service), person(name="Bob")
    await made(service.post("/v1/customers", json=known))
    await made(service.post(f"/v1/vouchers/{shared.code}/disable"))
    order = {"source_id": "o1", "amount": 4000}
    body = redemption_body(shared.code, known, order=order, tracking_id="t1", metadata={"a": 1})
    response = await service.post("/v1/redemptions", json=body)
    refused(response, 400, "voucher_disabled")
    failure = await made(service.get(f"/v1/redemptions/{response.json()['resource_id']}"))
    assert (failure["result"], failure["status"]) == ("FAILURE", "FAILED")
    assert failure["failure_code"] == "voucher_disabled"
    assert failure["failure_message"] == "The code is disabled."
    assert (failure["tracking_id"], failure["metadata"]) == ("t1", {"a": 1})
    assert (failure["order"]["source_id"], failure["order"]["amount"]) == ("o1", 4000)
    assert failure["order"]["total_discount_amount"] == 0
    assert failure["customer"]["name"] == "Bob"
    assert failure["voucher"]["redemption"]["redeemed_quantity"] == 0
    # Of somebody whom nobody knows, nothing is kept that could name a person.
    named = body | {"customer": person(name="Carol")}
    unknown = (await service.post("/v1/redemptions", json=named)).json()["resource_id"]
    failure = await made(service.get(f"/v1/redemptions/{unknown}"))
    assert (failure["customer"], failure["customer_id"]) == (None, None)
    assert (failure["tracking_id"], failure["metadata"]) == (None, {})
    # The next try under the same order is judged anew.
    await made(service.post(f"/v1/vouchers/{shared.code}/enable"))
    assert (await made(service.post("/v1/redemptions", json=body)))["redemptions"]


async def test_a_window_after_publishing_outlives_the_campaign(
    service: httpx.AsyncClient, database: Database, count_rows: Count
) -> None:
    shared = await share(
        service,
        activity_duration_after_publishing="P2D",
        expiration_date=(now() + timedelta(hours=1)).isoformat(),
    )
    voucher = await one(database, Voucher)
    assert voucher.active_until is not None
    assert timedelta(days=1) < voucher.active_until - now() <= timedelta(days=2)
    answer = await made(service.get(f"/v1/vouchers/{shared.code}"))
    assert answer["expiration_date"].startswith(f"{voucher.active_until:%Y-%m-%dT%H:%M}")
    await alter(database, await one(database, Campaign), expiration_date=in_past(hours=1))
    checkout = Checkout(service, count_rows)
    await checkout.succeeds(shared.code, person())
    await alter(database, voucher, active_until=in_past(minutes=1))
    await checkout.is_refused("voucher_expired", shared.code, person())
