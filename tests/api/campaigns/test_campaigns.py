"""Campaigns: what is created is what was asked for, and what cannot be kept is refused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from store.database import Database
from store.tables import Budget, Campaign, CampaignVersion, Event, LedgerEntry, Voucher
from tests.api.api_bodies import (
    REDEMPTION,
    campaign_body,
    card,
    event_body,
    made,
    redemption_body,
    refused,
    share,
    tier,
)
from tests.builders import one, rows

Count = Callable[[], Awaitable[dict[str, int]]]


async def _create(client: httpx.AsyncClient, body: dict[str, Any]) -> Any:
    return await made(client.post("/v1/campaigns", json=body))


class TestCreate:
    async def test_every_member_of_a_campaign_is_stored(self, service: httpx.AsyncClient) -> None:
        personal = {"from_name": "Acme", "message": "Welcome!"}
        body = campaign_body(
            {
                "referee_reward": card(1500, currency="USD", personalization=personal),
                "tiers": [
                    tier(card(2500, delivery="link")),
                    tier(
                        {"kind": "loyalty_points", "points": 500},
                        name="five friends",
                        criterion="min_unique_referees",
                        threshold=5,
                        repeat=True,
                    ),
                    tier({"kind": "gift_credits", "amount": 1000}, name="credits"),
                ],
                "attribution_window": "P30D",
                "hold": "P14D",
                "review": "none",
                "limits": {
                    "budget": {"amount": 1_000_000, "currency": "USD"},
                    "grants_per_referrer": 50,
                    "redemptions_per_customer": 1,
                },
            },
            metadata={"a": {"b": [1]}},
            description="The seeds' own",
        )
        answer = await _create(service, body)
        program = answer["referral_program"]
        assert answer["id"].startswith("camp_")
        assert answer["creation_status"] == answer["vouchers_generation_status"] == "DONE"
        assert (answer["active"], answer["version"], answer["join_once"]) == (True, 1, True)
        assert answer["metadata"] == {"a": {"b": [1]}}
        assert answer["voucher"]["discount"]["percent_off"] == 10
        assert program["custom_event"] == {"name": "first_purchase"}
        assert program["referee_reward"]["amount"] == "1500"
        assert program["referee_reward"]["personalization"]["message"] == "Welcome!"
        assert [one["reward"].get("amount") for one in program["tiers"]] == [2500, None, 1000]
        assert program["tiers"][1]["reward"] == {"kind": "loyalty_points", "points": 500}
        assert (program["tiers"][1]["threshold"], program["tiers"][1]["repeat"]) == (5, True)
        assert program["tiers"][2]["reward"]["currency"] == "USD"
        assert (program["attribution_window"], program["hold"]) == ("P30D", "P14D")
        assert program["limits"]["budget"] == {"amount": 1_000_000, "currency": "USD"}

    async def test_defaults(self, service: httpx.AsyncClient) -> None:
        body = {"name": "Bare", "referral_program": {"conversion_event_type": "redemption"}}
        answer = await _create(service, body)
        program = answer["referral_program"]
        assert (program["attribution_window"], program["hold"]) == ("P30D", "PT0S")
        assert (program["review"], program["tiers"]) == ("none", [])
        assert program["referee_reward"] is None
        assert program["limits"]["budget"] is None
        assert (answer["type"], answer["join_once"]) == ("AUTO_UPDATE", False)

    async def test_facts(self, service: httpx.AsyncClient, database: Database) -> None:
        answer = await _create(service, campaign_body({"limits": {"budget": {"amount": 50_000}}}))
        assert (await one(database, Campaign)).id == answer["id"]
        assert (await one(database, CampaignVersion)).version == 1
        budget = await one(database, Budget)
        assert (budget.currency, budget.ceiling, budget.reserved) == ("USD", 50_000, 0)
        entries = await rows(database, LedgerEntry, kind="fund")
        assert sorted(entry.amount for entry in entries) == [-50_000, 50_000]
        assert "campaign.created" in [event.type for event in await rows(database, Event)]

    async def test_unlimited_counters_per_currency(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        tiers = [tier(card(currency="EUR")), tier({"kind": "loyalty_points", "points": 5})]
        await _create(service, campaign_body({"tiers": tiers}))
        budgets = await rows(database, Budget)
        assert {(row.currency, row.ceiling) for row in budgets} == {("USD", None), ("EUR", None)}
        assert await rows(database, LedgerEntry) == []

    @pytest.mark.parametrize("amount", [1500, "1500"])
    async def test_voucherifys_own_credits(self, service: httpx.AsyncClient, amount: Any) -> None:
        parent = {"id": "camp_x", "name": "Gifts", "object": "CAMPAIGN"}
        reward = {"type": "GIFT_VOUCHER", "amount": amount, "related_object_parent": parent}
        answer = await _create(service, campaign_body({"referee_reward": reward}))
        shown = answer["referral_program"]["referee_reward"]
        assert (shown["kind"], shown["type"]) == ("gift_credits", "GIFT_VOUCHER")
        assert (shown["amount"], shown["currency"]) == ("1500", "USD")

    async def test_voucherifys_own_points(self, service: httpx.AsyncClient) -> None:
        reward = {"type": "LOYALTY_CARD", "amount": "500"}
        answer = await _create(service, campaign_body({"referee_reward": reward}))
        shown = answer["referral_program"]["referee_reward"]
        assert (shown["kind"], shown["points"], shown["amount"]) == ("loyalty_points", 500, "500")

    async def test_answered_reward_can_be_sent_again(self, service: httpx.AsyncClient) -> None:
        for reward in (
            card(),
            {"type": "GIFT_VOUCHER", "amount": 5},
            {"type": "LOYALTY_CARD", "amount": 5},
        ):
            first = await _create(service, campaign_body({"referee_reward": reward}))
            again = first["referral_program"]["referee_reward"]
            second = await _create(service, campaign_body({"referee_reward": again}))
            assert second["referral_program"]["referee_reward"] == again

    async def test_pool_is_made_at_once(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        answer = await _create(service, campaign_body(type="STATIC", vouchers_count=2000))
        codes = {voucher.code for voucher in await rows(database, Voucher)}
        assert answer["vouchers_count"] == len(codes) == 2000
        assert all(code.startswith("REF-") and len(code) == 12 for code in codes)

    async def test_a_taken_name_is_refused(
        self, service: httpx.AsyncClient, count_rows: Count
    ) -> None:
        body = campaign_body()
        await _create(service, body)
        before = await count_rows()
        refused(await service.post("/v1/campaigns", json=body), 409, "duplicate_found", "/name")
        assert await count_rows() == before

    @pytest.mark.parametrize(
        ("changes", "pointer"),
        [
            ({"name": ""}, "/name"),
            ({"name": "a" * 201}, "/name"),
            ({"campaign_type": "LOYALTY_PROGRAM"}, "/campaign_type"),
            ({"type": "STANDALONE"}, "/type"),
            ({"type": "STATIC"}, "/vouchers_count"),
            ({"vouchers_count": -1}, "/vouchers_count"),
            ({"vouchers_count": 100_001}, "/vouchers_count"),
            ({"start_date": "soon"}, "/start_date"),
            ({"start_date": "0001-01-01T00:00:00+14:00"}, "/start_date"),
            ({"metadata": ["x"]}, "/metadata"),
            ({"validation_rules": "val_x"}, "/validation_rules"),
            ({"validity_day_of_week": [7]}, "/validity_day_of_week/0"),
            ({"activity_duration_after_publishing": "PT0S"}, "/activity_duration_after_publishing"),
            ({"auto_join": True}, "/auto_join"),
            ({"teirs": 5}, "/teirs"),
            ({"referral_program": None}, "/referral_program"),
            (
                {"voucher": {"discount": {"type": "UNIT", "unit_off": 1}}},
                "/voucher/discount/unit_type",
            ),
            ({"voucher": {"discount": {"type": "FIXED"}}}, "/voucher/discount/fixed_amount"),
            ({"voucher": {"discount": {"type": "AMOUNT"}}}, "/voucher/discount/amount_off"),
            (
                {"voucher": {"discount": {"type": "AMOUNT", "amount_off": -5}}},
                "/voucher/discount/amount_off",
            ),
            *(
                (
                    {"voucher": {"discount": {"type": "AMOUNT", "amount_off": odd}}},
                    "/voucher/discount/amount_off",
                )
                for odd in (500.5, "500", True)
            ),
            (
                {"voucher": {"discount": {"type": "PERCENT", "percent_off": 101}}},
                "/voucher/discount/percent_off",
            ),
            ({"voucher": {"redemption": {"quantity": 0}}}, "/voucher/redemption/quantity"),
            ({"voucher": {"code_config": {"pattern": "A/##"}}}, "/voucher/code_config/pattern"),
            ({"voucher": {"code_config": {"pattern": "ALWAYS"}}}, "/voucher/code_config/pattern"),
            ({"voucher": {"code_config": {"charset": "#a"}}}, "/voucher/code_config/charset"),
        ],
    )
    async def test_a_malformed_request_is_refused(
        self, unchanged: httpx.AsyncClient, changes: dict[str, Any], pointer: str
    ) -> None:
        response = await unchanged.post("/v1/campaigns", json=campaign_body(**changes))
        refused(response, 400, "invalid_payload", pointer)

    @pytest.mark.parametrize(
        ("program", "pointer"),
        [
            ({"conversion_event_type": "visit"}, "/conversion_event_type"),
            ({"custom_event": None}, ""),
            ({"conversion_event_type": "redemption"}, ""),
            ({"attribution_window": "30 days"}, "/attribution_window"),
            ({"attribution_window": 30}, "/attribution_window"),
            ({"attribution_window": "P99999D"}, "/attribution_window"),
            ({"attribution_window": "PT0S"}, ""),
            ({"hold": "-P1D"}, "/hold"),
            ({"review": "sometimes"}, "/review"),
            ({"referee_reward": {"type": "MATERIAL"}}, "/referee_reward"),
            ({"referee_reward": {"reward_id": "rew_x"}}, "/referee_reward"),
            ({"referee_reward": {"kind": "discount_coupon"}}, "/referee_reward/discount"),
            ({"referee_reward": {"kind": "custom", "url": "http://x"}}, "/referee_reward/name"),
            ({"referee_reward": {"kind": "cash", "amount": 5}}, "/referee_reward"),
            ({"referee_reward": {}}, "/referee_reward"),
            ({"referee_reward": card(provider="nobody")}, "/referee_reward/provider"),
            ({"referee_reward": card(0)}, "/referee_reward/amount"),
            ({"referee_reward": card(-1500)}, "/referee_reward/amount"),
            ({"referee_reward": card("15.00")}, "/referee_reward/amount"),
            ({"referee_reward": card(15.5)}, "/referee_reward/amount"),
            ({"referee_reward": card(True)}, "/referee_reward/amount"),
            ({"referee_reward": card(10**30)}, "/referee_reward/amount"),
            ({"referee_reward": card(currency="ZZZ")}, "/referee_reward/currency"),
            ({"referee_reward": card(currency="usd")}, "/referee_reward/currency"),
            ({"referee_reward": card(delivery="pigeon")}, "/referee_reward/delivery"),
            ({"referee_reward": card(delivry="link")}, "/referee_reward/delivry"),
            ({"tiers": [tier(threshold=5)]}, ""),
            ({"tiers": [tier(criterion="min_unique_referees")]}, ""),
            ({"tiers": [tier(name="")]}, "/tiers/0/name"),
            ({"tiers": [tier(), tier(card(-1))]}, "/tiers/1/reward/amount"),
            ({"tiers": [tier(on_reversal="double")]}, "/tiers/0/on_reversal"),
            ({"tiers": [tier(max_grants=0)]}, "/tiers/0/max_grants"),
            ({"tiers": [tier(id="tier_x")]}, "/tiers/0/id"),
            ({"tiers": [tier({"reward_id": "rew_x"})]}, "/tiers/0/reward"),
            ({"limits": {"budget": {"amount": -1}}}, "/limits/budget/amount"),
            ({"limits": {"budget": {"amount": 5, "currency": "XXY"}}}, "/limits/budget/currency"),
            ({"limits": {"budget": {"amount": 5, "currency": "EUR"}}}, ""),
            ({"limits": {"grants_per_referrer": 0}}, "/limits/grants_per_referrer"),
            ({"limits": {"grants_per_freind": 1}}, "/limits/grants_per_freind"),
        ],
    )
    async def test_malformed_terms_are_refused(
        self, unchanged: httpx.AsyncClient, program: dict[str, Any], pointer: str
    ) -> None:
        response = await unchanged.post("/v1/campaigns", json=campaign_body(program))
        refused(response, 400, "invalid_payload", f"/referral_program{pointer}")

    async def test_members_that_ask_for_nothing(self, service: httpx.AsyncClient) -> None:
        nothing = {"validation_rules": [], "auto_join": False, "category": None, "promotion": {}}
        await _create(service, campaign_body(**nothing))


class TestRead:
    async def test_by_id_and_name(self, service: httpx.AsyncClient) -> None:
        created = await _create(service, campaign_body(name="Spring & friends"))
        for ref in (created["id"], "Spring & friends"):
            assert await made(service.get(f"/v1/campaigns/{ref}")) == created

    async def test_an_unknown_id_is_not_found(self, service: httpx.AsyncClient) -> None:
        for method, path in (("GET", ""), ("POST", "/enable"), ("POST", "/disable")):
            response = await service.request(method, f"/v1/campaigns/camp_x{path}")
            refused(response, 404, "resource_not_found")

    async def test_all_are_listed(self, service: httpx.AsyncClient) -> None:
        created = [await _create(service, campaign_body()) for _ in range(3)]
        listed = await made(service.get("/v1/campaigns?limit=2"))
        assert listed["data"] == listed["campaigns"] == [created[2], created[1]]
        assert (listed["total"], listed["has_more"]) == (3, True)
        oldest = await made(service.get("/v1/campaigns?limit=2&order=created_at"))
        assert oldest["data"] == created[:2]
        last = await made(
            service.get(f"/v1/campaigns?order=created_at&starting_after_id={created[1]['id']}")
        )
        assert (last["data"], last["has_more"]) == ([created[2]], False)
        asked = "campaign_type=REFERRAL_PROGRAM&campaign_status=DONE"
        assert (await made(service.get(f"/v1/campaigns?{asked}")))["total"] == 3
        for nothing in ("campaign_type=PROMOTION", "campaign_status=DRAFT"):
            assert (await made(service.get(f"/v1/campaigns?{nothing}")))["total"] == 0
        odd = await service.get("/v1/campaigns?order=name")
        refused(odd, 400, "invalid_payload")


class TestSwitch:
    async def test_disabled_refuses_and_says_so(self, service: httpx.AsyncClient) -> None:
        shared = await share(service)
        path = f"/v1/campaigns/{shared.campaign_id}"
        assert (await made(service.post(f"{path}/disable")))["active"] is False
        for body in (event_body(shared.code), event_body(shared.code)):
            refused(await service.post("/v1/events", json=body), 400, "campaign_not_live")
        redemption = await service.post("/v1/redemptions", json=redemption_body(shared.code))
        refused(redemption, 400, "campaign_not_live")
        assert (await made(service.post(f"{path}/enable")))["active"] is True
        await made(service.post("/v1/events", json=event_body(shared.code)))

    async def test_disabled_refuses_a_second_use_too(self, service: httpx.AsyncClient) -> None:
        program = REDEMPTION | {"limits": {"redemptions_per_customer": 5}}
        shared = await share(service, program)
        first = redemption_body(shared.code)
        await made(service.post("/v1/redemptions", json=first))
        await made(service.post(f"/v1/campaigns/{shared.campaign}/disable"))
        second = first | {"order": {"source_id": "another", "amount": 100}}
        refused(await service.post("/v1/redemptions", json=second), 400, "campaign_not_live")

    async def test_switching_twice_changes_nothing(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        shared = await share(service)
        for _ in range(2):
            await made(service.post(f"/v1/campaigns/{shared.campaign}/disable"))
        events = await rows(database, Event, type="campaign.disabled")
        assert [event.actor for event in events] == [service.headers["X-App-Id"]]
