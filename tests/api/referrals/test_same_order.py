"""One order converts once in a campaign, whoever brings it, under any of its ids."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from store.database import Database
from store.qualification.qualify import qualify
from store.tables import Grant, Referral, Reversal
from tests.api.api_bodies import (
    REDEMPTION,
    Shared,
    event_body,
    made,
    person,
    redemption_body,
    refused,
    share,
)
from tests.builders import one, rows, start_of

ORDER = {"source_id": "order-1", "amount": 4000}


async def second_code(client: httpx.AsyncClient, shared: Shared) -> str:
    """A code of another referrer in the same campaign."""
    body = {"campaign": {"name": shared.campaign}, "customer": person()}
    return str((await made(client.post("/v1/publications", json=body)))["voucher"]["code"])


def bought(code: str | None, order: dict[str, Any] | None = None, **changes: Any) -> Any:
    """An event of a new friend about this order."""
    return event_body(code, **{"order": ORDER if order is None else order} | changes)


async def judge(database: Database, referral_id: str) -> Referral:
    await qualify(database, start_of(await one(database, Referral, id=referral_id)))
    return await one(database, Referral, id=referral_id)


class TestRefused:
    async def test_as_events_under_codes_of_two_referrers(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        shared = await share(service)
        first = await made(service.post("/v1/events", json=bought(shared.code)))
        for code in (shared.code, await second_code(service, shared)):
            response = await service.post("/v1/events", json=bought(code))
            refused(response, 400, "order_already_used")
            (verdict,) = response.json()["verdicts"]
            assert verdict["check"] == "same_order"
            assert verdict["numbers"]["first"] == first["referral"]["id"]
        assert len(await rows(database, Referral)) == 1

    async def test_as_redemptions(self, service: httpx.AsyncClient, database: Database) -> None:
        shared = await share(service, REDEMPTION)
        await made(service.post("/v1/redemptions", json=redemption_body(shared.code, order=ORDER)))
        code = await second_code(service, shared)
        body = redemption_body(code, order=ORDER)
        validation = await made(service.post("/v1/validations", json=body))
        assert validation["redeemables"][0]["result"]["error"]["key"] == "order_already_used"
        response = await service.post("/v1/redemptions", json=body)
        refused(response, 400, "order_already_used")
        assert len(await rows(database, Referral)) == 1

    async def test_without_a_code_the_referral_goes_on_waiting_and_says_why(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        shared = await share(service)
        first = await made(service.post("/v1/events", json=bought(shared.code)))
        guest = person()
        sent = {"code": shared.code, "customer": guest}
        waiting = await made(service.post("/v1/referrals", json=sent), 201)
        answer = await made(service.post("/v1/events", json=bought(None, customer=guest)))
        assert answer["referral"]["status"] == "waiting"
        referral = await one(database, Referral, id=waiting["id"])
        assert referral.verdicts[-1]["numbers"]["first"] == first["referral"]["id"]

    async def test_two_hosts_at_once_convert_one(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        shared = await share(service)
        bodies = [bought(shared.code) for _ in range(8)]
        answers = await asyncio.gather(*(service.post("/v1/events", json=b) for b in bodies))
        assert sorted(answer.status_code for answer in answers) == [200] + [400] * 7
        assert len(await rows(database, Referral)) == 1

    async def test_the_same_order_id_in_another_campaign_is_another_order(
        self, service: httpx.AsyncClient
    ) -> None:
        """Two shops count their orders alike."""
        for _ in range(2):
            shared = await share(service)
            answer = await made(service.post("/v1/events", json=bought(shared.code)))
            assert answer["referral"]["status"] == "converted"


class TestStanding:
    async def test_a_rejected_guest_does_not_block_the_buyer(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        shared = await share(service)
        address = {"email": shared.referrer["email"]}
        guest = await made(
            service.post("/v1/events", json=bought(shared.code, customer=person(**address)))
        )
        assert (await judge(database, guest["referral"]["id"])).status == "rejected"
        buyer = await made(service.post("/v1/events", json=bought(shared.code)))
        assert (await judge(database, buyer["referral"]["id"])).status != "rejected"

    async def test_a_refund_before_it_qualified_frees_the_order(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        shared = await share(service)
        first = await made(service.post("/v1/events", json=bought(shared.code)))
        referral = await one(database, Referral, id=first["referral"]["id"])
        async with database.transaction() as tx:
            stored = await tx.session.merge(referral)
            stored.status, stored.reversed_at = "rejected", tx.now
        await made(service.post("/v1/events", json=bought(shared.code)))


class TestTheTermsChoice:
    async def test_off_lets_both_earn(self, service: httpx.AsyncClient, database: Database) -> None:
        shared = await share(service, {"fraud": {"same_order": "off"}})
        for _ in range(2):
            answer = await made(service.post("/v1/events", json=bought(shared.code)))
            referral = await judge(database, answer["referral"]["id"])
            assert "same_order" not in {one["check"] for one in referral.verdicts}
        assert len(await rows(database, Grant)) == 4

    async def test_flag_sends_the_second_to_a_person(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        shared = await share(service, {"fraud": {"same_order": "flag"}, "review": "flagged"})
        judged = []
        for _ in range(2):
            answer = await made(service.post("/v1/events", json=bought(shared.code)))
            judged.append(await judge(database, answer["referral"]["id"]))
        assert [one.status for one in judged] == ["fulfilling", "in_review"]
        (verdict,) = [one for one in judged[1].verdicts if one["check"] == "same_order"]
        assert (verdict["flagged"], verdict["numbers"]["first"]) == (True, judged[0].id)

    async def test_refuse_leaves_a_verdict_that_passed(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        shared = await share(service)
        answer = await made(service.post("/v1/events", json=bought(shared.code)))
        referral = await judge(database, answer["referral"]["id"])
        (verdict,) = [one for one in referral.verdicts if one["check"] == "same_order"]
        assert verdict["passed"]

    async def test_is_shown_among_the_terms(self, admin: httpx.AsyncClient) -> None:
        shared = await share(admin)
        path = f"/v1/campaigns/{shared.campaign_id}"
        campaign = await made(admin.get(path))
        assert campaign["referral_program"]["fraud"]["same_order"] == "refuse"
        change = {"referral_program": {"fraud": {"same_order": "off"}}}
        edited = await made(admin.put(path, json=change))
        assert edited["referral_program"]["fraud"]["same_order"] == "off"


BOTH = {"id": "cart-9", "source_id": "order-1", "amount": 4000}


class TestEveryId:
    @pytest.mark.parametrize(
        ("first", "again"),
        [
            ({"order": BOTH}, {"order": {"id": "cart-9"}}),
            ({"order": BOTH}, {"order": {"source_id": "order-1"}}),
            ({"order": BOTH}, {"order": None, "metadata": {"order_source_id": "order-1"}}),
            ({"order": {"id": "cart-9"}, "metadata": {"order_source_id": "order-1"}}, {}),
            (
                {"order": None, "metadata": {"order_source_id": 1001}},
                {"order": {"source_id": 1001}},
            ),
            ({"order": {"source_id": " order-1 "}}, {}),
        ],
        ids=str,
    )
    async def test_any_of_them_is_the_order(
        self, service: httpx.AsyncClient, first: dict[str, Any], again: dict[str, Any]
    ) -> None:
        shared = await share(service)
        await made(service.post("/v1/events", json=event_body(shared.code, **first)))
        body = event_body(shared.code, **{"order": ORDER} | again)
        refused(await service.post("/v1/events", json=body), 400, "order_already_used")

    async def test_like_is_compared_with_like(self, service: httpx.AsyncClient) -> None:
        shared = await share(service)
        for order in ({"id": "7"}, {"source_id": "7"}):
            answer = await made(service.post("/v1/events", json=bought(shared.code, order)))
            assert answer["referral"]["status"] == "converted"

    @pytest.mark.parametrize("id", ["cart-9", "order-1"])
    async def test_a_refund_finds_it_by_any(
        self, service: httpx.AsyncClient, database: Database, id: str
    ) -> None:
        shared = await share(service)
        sent = await made(service.post("/v1/events", json=bought(shared.code, BOTH)))
        body = {"order_source_id": id, "reason": "Sent back."}
        answer = await made(service.post("/v1/reversals", json=body))
        assert [one["id"] for one in answer["referrals"]] == [sent["referral"]["id"]]
        assert len(await rows(database, Reversal)) == 1

    async def test_a_refund_by_the_shops_id_leaves_the_other_systems_alone(
        self, service: httpx.AsyncClient
    ) -> None:
        shared, sent = await share(service), []
        for order in ({"id": "7"}, {"source_id": "7"}):
            answer = await made(service.post("/v1/events", json=bought(shared.code, order)))
            sent.append(answer["referral"]["id"])
        for name, due in (("order_source_id", sent[1]), ("order_id", sent[0])):
            body = {name: 7, "reason": "Sent back."}
            answer = await made(service.post("/v1/reversals", json=body))
            assert [one["id"] for one in answer["referrals"]] == [due]

    async def test_an_event_that_names_none_is_about_the_redeemed_order(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        shared, friend = await share(service), person()
        body = redemption_body(shared.code, friend, order=BOTH)
        redeemed = await made(service.post("/v1/redemptions", json=body))
        await made(service.post("/v1/events", json=event_body(None, friend)))
        assert (await one(database, Referral)).order_source_id == "order-1"
        refused(
            await service.post("/v1/events", json=bought(shared.code)), 400, "order_already_used"
        )
        await made(service.post(f"/v1/redemptions/{redeemed['redemptions'][0]['id']}/rollback"))
        assert len(await rows(database, Reversal)) == 1

    @pytest.mark.parametrize(
        "query", ["order_source_id=cart-9", "order_source_id=order-1", "q=cart-9"]
    )
    async def test_a_search_finds_it_by_any(self, admin: httpx.AsyncClient, query: str) -> None:
        shared = await share(admin, REDEMPTION)
        await made(admin.post("/v1/redemptions", json=redemption_body(shared.code, order=BOTH)))
        await made(admin.post("/v1/redemptions", json=redemption_body(shared.code)))
        assert (await made(admin.get(f"/v1/referrals?{query}")))["total"] == 1
        if query.startswith("order"):
            assert (await made(admin.get(f"/v1/redemptions?{query}")))["total"] == 1


class TestSeveralCampaigns:
    async def test_are_named_and_the_refund_narrowed(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        shops = [await share(service) for _ in range(2)]
        for shop in shops:
            await made(service.post("/v1/events", json=bought(shop.code)))
        body = {"order_source_id": "order-1", "reason": "Sent back."}
        response = await service.post("/v1/reversals", json=body)
        refused(response, 409, "ambiguous_order", "/campaign_id")
        for shop in shops:
            assert shop.campaign_id in response.json()["detail"]
        assert await rows(database, Reversal) == []
        narrowed = body | {"campaign_id": shops[0].campaign_id}
        (only,) = (await made(service.post("/v1/reversals", json=narrowed)))["referrals"]
        assert only["campaign_id"] == shops[0].campaign_id
        every = body | {"all_campaigns": True}
        assert len((await made(service.post("/v1/reversals", json=every)))["referrals"]) == 2
        assert len(await rows(database, Reversal)) == 2

    async def test_in_another_campaign_it_is_still_waited_for(
        self, service: httpx.AsyncClient
    ) -> None:
        shared, other = await share(service), await share(service)
        await made(service.post("/v1/events", json=bought(shared.code)))
        body = {"order_source_id": "order-1", "reason": "x", "campaign_id": other.campaign_id}
        answer = await made(service.post("/v1/reversals", json=body), 202)
        assert (answer["waiting_for_order"], answer["referrals"]) == (True, [])

    async def test_a_repeat_is_about_the_same_referrals(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        shared = await share(service)
        await made(service.post("/v1/events", json=bought(shared.code)))
        body = {"order_source_id": "order-1", "reason": "x", "metadata": {"refund_id": "re_1"}}
        first = await made(service.post("/v1/reversals", json=body))
        async with database.transaction() as tx:
            stored = await tx.session.get_one(Referral, first["referrals"][0]["id"])
            stored.status, stored.reversed_at = "rejected", tx.now
        await made(service.post("/v1/events", json=bought(shared.code)))
        again = await made(service.post("/v1/reversals", json=body))
        assert [one["id"] for one in again["referrals"]] == [
            one["id"] for one in first["referrals"]
        ]
        assert len(await rows(database, Reversal)) == 1

    async def test_a_rejected_guest_does_not_stand_in_the_way_of_a_refund(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        shared = await share(service)
        address = {"email": shared.referrer["email"]}
        guest = await made(
            service.post("/v1/events", json=bought(shared.code, customer=person(**address)))
        )
        await judge(database, guest["referral"]["id"])
        buyer = await made(service.post("/v1/events", json=bought(shared.code)))
        body = {"order_source_id": "order-1", "reason": "Sent back."}
        answer = await made(service.post("/v1/reversals", json=body))
        assert [one["id"] for one in answer["referrals"]] == [buyer["referral"]["id"]]
