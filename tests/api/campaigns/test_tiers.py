"""Tiers over HTTP: each edit makes a version, and a tier keeps its id."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.api.api_bodies import campaign_body, card, made, refused, tier

MILESTONE = tier(
    {"kind": "loyalty_points", "points": 500},
    name="five friends",
    criterion="min_unique_referees",
    threshold=5,
    repeat=True,
    max_grants_per_referrer=4,
)


async def _campaign(client: httpx.AsyncClient, **program: Any) -> str:
    campaign = await made(client.post("/v1/campaigns", json=campaign_body(program)))
    return f"/v1/campaigns/{campaign['id']}"


class TestCreate:
    async def test_makes_a_version(self, service: httpx.AsyncClient) -> None:
        path = await _campaign(service)
        added = await made(service.post(f"{path}/tiers", json=MILESTONE))
        assert added["id"].startswith("tier_")
        assert added["reward"] == {"kind": "loyalty_points", "points": 500}
        assert (added["threshold"], added["max_grants_per_referrer"]) == (5, 4)
        assert added["version"] == 2
        campaign = await made(service.get(path))
        assert campaign["version"] == 2
        assert [one["name"] for one in campaign["referral_program"]["tiers"]] == [
            "every friend",
            "five friends",
        ]
        assert await made(service.get(f"{path}/tiers/{added['id']}")) == added

    @pytest.mark.parametrize(
        ("changes", "pointer"),
        [
            ({"name": None}, "/name"),
            ({"threshold": None}, ""),
            ({"max_grants": 0}, "/max_grants"),
            ({"reward": None}, "/reward"),
            ({"reward": {"reward_id": "rew_x"}}, "/reward"),
            ({"reward": card(currency="EUR")}, ""),
            ({"criterion": "each_unique_referee"}, ""),
        ],
    )
    async def test_a_malformed_request_is_refused(
        self, service: httpx.AsyncClient, changes: dict[str, Any], pointer: str
    ) -> None:
        path = await _campaign(service, limits={"budget": {"amount": 10_000, "currency": "USD"}})
        response = await service.post(f"{path}/tiers", json=MILESTONE | changes)
        refused(response, 400, "invalid_payload", pointer)
        assert (await made(service.get(path)))["version"] == 1


class TestChange:
    async def test_a_changed_tier_keeps_its_id(self, service: httpx.AsyncClient) -> None:
        path = await _campaign(service)
        (before,) = (await made(service.get(f"{path}/tiers")))["data"]
        body = {"name": "each friend", "reward": card(2500), "max_grants": None}
        changed = await made(service.put(f"{path}/tiers/{before['id']}", json=body))
        assert changed["id"] == before["id"]
        assert (changed["name"], changed["reward"]["amount"]) == ("each friend", 2500)
        assert changed["version"] == 2

    async def test_an_edit_without_a_change_makes_no_version(
        self, service: httpx.AsyncClient
    ) -> None:
        path = await _campaign(service)
        (before,) = (await made(service.get(f"{path}/tiers")))["data"]
        same = {"name": before["name"], "reward": before["reward"]}
        again = await made(service.put(f"{path}/tiers/{before['id']}", json=same))
        assert again == before

    async def test_a_cap_is_lifted(self, service: httpx.AsyncClient) -> None:
        path = await _campaign(service, tiers=[MILESTONE])
        (before,) = (await made(service.get(f"{path}/tiers")))["data"]
        body = {"unset": ["max_grants_per_referrer"]}
        after = await made(service.put(f"{path}/tiers/{before['id']}", json=body))
        assert (before["max_grants_per_referrer"], after["max_grants_per_referrer"]) == (4, None)

    async def test_a_milestone_becomes_each_friend(self, service: httpx.AsyncClient) -> None:
        path = await _campaign(service, tiers=[MILESTONE])
        (before,) = (await made(service.get(f"{path}/tiers")))["data"]
        body = {"criterion": "each_unique_referee"}
        after = await made(service.put(f"{path}/tiers/{before['id']}", json=body))
        assert (after["criterion"], after["threshold"]) == ("each_unique_referee", None)


class TestDelete:
    async def test_is_gone_from_the_next_version(self, service: httpx.AsyncClient) -> None:
        path = await _campaign(service, tiers=[tier(), MILESTONE])
        first, second = (await made(service.get(f"{path}/tiers")))["data"]
        assert (await service.delete(f"{path}/tiers/{first['id']}")).status_code == 204
        (left,) = (await made(service.get(f"{path}/tiers")))["data"]
        assert left == second | {"version": 2}
        refused(await service.get(f"{path}/tiers/{first['id']}"), 404, "resource_not_found")


class TestList:
    async def test_in_portions(self, service: httpx.AsyncClient) -> None:
        path = await _campaign(service, tiers=[tier(name=str(n)) for n in range(3)])
        page = await made(service.get(f"{path}/tiers?limit=2"))
        assert [one["name"] for one in page["data"]] == ["0", "1"]
        assert (page["total"], page["has_more"]) == (3, True)
        last = await made(service.get(f"{path}/tiers?starting_after_id={page['data'][1]['id']}"))
        assert ([one["name"] for one in last["data"]], last["has_more"]) == (["2"], False)


async def test_an_unknown_id_is_not_found(service: httpx.AsyncClient) -> None:
    path = await _campaign(service)
    for method, url, body in (
        ("GET", "/v1/campaigns/camp_x/tiers", None),
        ("POST", "/v1/campaigns/camp_x/tiers", MILESTONE),
        ("GET", f"{path}/tiers/tier_x", None),
        ("PUT", f"{path}/tiers/tier_x", {"name": "x"}),
        ("DELETE", f"{path}/tiers/tier_x", None),
    ):
        response = await service.request(method, url, json=body)
        refused(response, 404, "resource_not_found")


async def test_only_services_edit(service: httpx.AsyncClient, support: httpx.AsyncClient) -> None:
    path = await _campaign(service)
    (shown,) = (await made(support.get(f"{path}/tiers")))["data"]
    for method, url in (("POST", ""), ("PUT", f"/{shown['id']}"), ("DELETE", f"/{shown['id']}")):
        response = await support.request(method, f"{path}/tiers{url}", json=MILESTONE)
        refused(response, 403, "forbidden")
