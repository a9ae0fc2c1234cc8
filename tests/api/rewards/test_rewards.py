"""Rewards: defined once, copied into campaigns, each kind and its refusals."""

from __future__ import annotations

import base64
from typing import Any

import httpx
import pytest

from store.database import Database
from store.tables import CampaignVersion, Event, RewardDefinition, SigningSecret
from tests.api.api_bodies import campaign_body, card, made, refused, tier
from tests.builders import one, rows

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()

COUPON = {
    "kind": "discount_coupon",
    "discount": {"type": "PERCENT", "percent_off": 10},
    "valid_for": "P90D",
    "prefix": "THANKS-",
}
CUSTOM = {
    "kind": "custom",
    "name": "tree",
    "url": "https://trees.example.com/plant",
    "secret": SECRET,
    "data": {"species": "oak"},
}
UNSIGNED = CUSTOM | {"secret": None}
KINDS: list[dict[str, Any]] = [
    card(currency="USD"),
    {"kind": "gift_credits", "amount": 1000, "currency": "USD"},
    {"kind": "loyalty_points", "points": 500},
    COUPON,
    CUSTOM,
]


async def _reward(client: httpx.AsyncClient, reward: Any = None, **changes: Any) -> Any:
    body = {"name": "A card", "reward": reward or card(currency="USD")} | changes
    return await made(client.post("/v1/rewards", json=body))


class TestCreate:
    @pytest.mark.parametrize("reward", KINDS, ids=lambda reward: str(reward["kind"]))
    async def test_each_kind(self, service: httpx.AsyncClient, reward: dict[str, Any]) -> None:
        answer = await _reward(service, reward, metadata={"team": ["growth"]})
        assert answer["id"].startswith("rew_")
        assert answer["object"] == "reward"
        said = {name: value for name, value in reward.items() if name != "secret"}
        assert answer["reward"].items() >= (said | _as_answered(said)).items()
        assert answer["metadata"] == {"team": ["growth"]}
        assert answer["redeemed"] == 0
        assert await made(service.get(f"/v1/rewards/{answer['id']}")) == answer

    async def test_voucherifys_own_members(self, service: httpx.AsyncClient) -> None:
        body = {
            "name": "Ten dollars",
            "parameters": {"campaign": {"id": "gift_credits", "balance": 1000}},
            "attributes": {"image_url": "https://a.example/c.png", "description": "Yours"},
            "stock": None,
        }
        answer = await made(service.post("/v1/rewards", json=body))
        assert answer["type"] == "CAMPAIGN"
        shown = {"id": "gift_credits", "balance": 1000, "type": "GIFT_VOUCHERS"}
        assert answer["parameters"] == {"campaign": shown}
        assert answer["reward"] == {"kind": "gift_credits", "amount": 1000, "currency": "USD"}
        assert answer["attributes"]["description"] == "Yours"

    async def test_a_secret_is_kept_encrypted_and_never_answered(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        answer = await _reward(service, CUSTOM)
        row = await one(database, SigningSecret)
        assert answer["reward"]["secret_id"] == row.id
        assert "secret" not in answer["reward"]
        assert SECRET.encode() not in row.ciphertext
        again = await _reward(service, answer["reward"])
        assert again["reward"] == answer["reward"]

    @pytest.mark.parametrize(
        ("body", "pointer"),
        [
            ({"reward": card()}, "/name"),
            ({"name": "x"}, ""),
            ({"name": "x", "reward": {"reward_id": "rew_1"}}, "/reward"),
            ({"name": "x", "reward": card(), "stock": 5}, "/stock"),
            ({"name": "x", "parameters": {"product": {"id": "p"}}}, "/parameters/campaign"),
            (
                {"name": "x", "parameters": {"campaign": {"id": "camp_1", "balance": 5}}},
                "/parameters/campaign/id",
            ),
            ({"name": "x", "reward": CUSTOM | {"url": "ftp://a.example"}}, "/reward/url"),
            ({"name": "x", "reward": CUSTOM | {"url": "https://u:p@a.example"}}, "/reward/url"),
            ({"name": "x", "reward": CUSTOM | {"url": "https://a..b/"}}, "/reward/url"),
            ({"name": "x", "reward": CUSTOM | {"secret": "whsec_short"}}, "/reward/secret"),
            ({"name": "x", "reward": CUSTOM | {"secret_id": "sec_x"}}, "/reward"),
            (
                {"name": "x", "reward": CUSTOM | {"secret": None, "secret_id": "sec_x"}},
                "/secret_id",
            ),
            ({"name": "x", "reward": COUPON | {"valid_for": "PT0S"}}, "/reward/valid_for"),
            ({"name": "x", "reward": COUPON | {"uses": 0}}, "/reward/uses"),
            ({"name": "x", "reward": COUPON | {"prefix": "A/"}}, "/reward/prefix"),
            ({"name": "x", "reward": card(amount_by={"values": {"a": 1}})}, "/reward/amount_by"),
            (
                {"name": "x", "reward": card(amount_by={"metadata": "plan", "values": {}})},
                "/reward/amount_by/values",
            ),
            (
                {"name": "x", "reward": card(amount_by={"metadata": "p", "values": {"a": 0}})},
                "/reward/amount_by/values/a",
            ),
            (
                {"name": "x", "reward": card(amount_by={"metadata": "p", "values": {"a": 10**8}})},
                "/reward",
            ),
        ],
    )
    async def test_a_malformed_request_is_refused(
        self, unchanged: httpx.AsyncClient, body: dict[str, Any], pointer: str
    ) -> None:
        refused(await unchanged.post("/v1/rewards", json=body), 400, "invalid_payload", pointer)


class TestUse:
    async def test_a_campaign_copies_it(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        reward = await _reward(service, card(1500, currency="USD"))
        named = {"reward_id": reward["id"]}
        body = campaign_body({"referee_reward": named, "tiers": [tier(named)]})
        campaign = await made(service.post("/v1/campaigns", json=body))
        await made(
            service.put(f"/v1/rewards/{reward['id']}", json={"reward": card(9900, currency="USD")})
        )
        now = await made(service.get(f"/v1/campaigns/{campaign['id']}"))
        assert now == campaign
        assert now["referral_program"]["referee_reward"]["amount"] == "1500"
        given = now["referral_program"]["tiers"][0]["reward"]
        assert (given["amount"], given["reward_id"]) == (1500, reward["id"])
        (version,) = await rows(database, CampaignVersion)
        assert version.terms["tiers"][0]["reward"]["amount"] == 1500
        newer = await made(service.post("/v1/campaigns", json=body | {"name": "Newer"}))
        assert newer["referral_program"]["referee_reward"]["amount"] == "9900"

    async def test_a_reward_in_another_currency_than_the_budget_is_refused(
        self, service: httpx.AsyncClient
    ) -> None:
        reward = await _reward(service, card(currency="EUR"))
        program = {
            "referee_reward": {"reward_id": reward["id"]},
            "limits": {"budget": {"amount": 10_000, "currency": "USD"}},
        }
        response = await service.post("/v1/campaigns", json=campaign_body(program))
        refused(response, 400, "invalid_payload", "/referral_program")


class TestChange:
    async def test_members_left_out_keep_their_value(self, service: httpx.AsyncClient) -> None:
        reward = await _reward(service, metadata={"a": 1})
        body = {"name": "Renamed", "parameters": None, "metadata": None, "stock": None}
        changed = await made(service.put(f"/v1/rewards/{reward['id']}", json=body))
        assert changed["name"] == "Renamed"
        assert changed["updated_at"] is not None
        stays = ("reward", "metadata", "created_at", "attributes")
        assert {name: changed[name] for name in stays} == {name: reward[name] for name in stays}

    async def test_an_unknown_id_is_not_found(self, service: httpx.AsyncClient) -> None:
        for method in ("GET", "PUT", "DELETE"):
            response = await service.request(method, "/v1/rewards/rew_x", json={"name": "x"})
            refused(response, 404, "resource_not_found")


class TestList:
    async def test_newest_first(self, service: httpx.AsyncClient) -> None:
        made_first, made_last = await _reward(service), await _reward(service)
        listed = await made(service.get("/v1/rewards?limit=1"))
        assert listed["data"] == [made_last]
        assert (listed["total"], listed["has_more"]) == (2, True)
        rest = await made(service.get(f"/v1/rewards?starting_after_id={made_last['id']}"))
        assert rest["data"] == [made_first]


class TestDelete:
    async def test_a_definition_is_not_deleted_while_a_live_campaign_gives_it(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        reward = await _reward(service)
        program = {"tiers": [tier({"reward_id": reward["id"]})]}
        body = campaign_body(program, name="Spring")
        campaign = await made(service.post("/v1/campaigns", json=body))
        response = await service.delete(f"/v1/rewards/{reward['id']}")
        refused(response, 409, "not_allowed_in_state")
        assert "Spring" in response.json()["detail"]
        await made(service.post(f"/v1/campaigns/{campaign['id']}/disable"))
        assert (await service.delete(f"/v1/rewards/{reward['id']}")).status_code == 204
        assert await rows(database, RewardDefinition) == []
        assert await made(service.get(f"/v1/campaigns/{campaign['id']}"))
        assert "reward.deleted" in [event.type for event in await rows(database, Event)]

    async def test_support_may_read_definitions_and_not_change_them(
        self, support: httpx.AsyncClient, service: httpx.AsyncClient
    ) -> None:
        reward = await _reward(service)
        assert await made(support.get(f"/v1/rewards/{reward['id']}")) == reward
        for sending in (
            support.delete(f"/v1/rewards/{reward['id']}"),
            support.put(f"/v1/rewards/{reward['id']}", json={"name": "x"}),
            support.post("/v1/rewards", json={"name": "x", "reward": card()}),
        ):
            refused(await sending, 403, "forbidden")


def _as_answered(said: dict[str, Any]) -> dict[str, Any]:
    """Discounts are answered with every member."""
    if "discount" not in said:
        return {}
    return {"discount": {"type": "PERCENT", "percent_off": 10, "amount_limit": None}}
