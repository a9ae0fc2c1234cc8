"""Validation rules and segments over HTTP: created, assigned, changed, refused."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from domain.campaigns import CampaignTerms
from store.database import Database
from store.tables import CampaignVersion, ValidationRule
from tests.api.api_bodies import campaign_body, made, person, refused
from tests.builders import number, rows

BIG_ORDER = {
    "1": {"name": "order.amount", "conditions": {"$more_than_or_equal": [5000]}},
    "logic": "1",
}


def condition(name: str, conditions: dict[str, Any]) -> dict[str, Any]:
    return {"1": {"name": name, "conditions": conditions}}


def rule_body(rules: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    given = {"name": f"A rule {number()}", "rules": rules or BIG_ORDER}
    return given | {"error": {"message": "Spend $50."}} | changes


async def add_rule(client: httpx.AsyncClient, rules: dict[str, Any] | None = None) -> str:
    return str((await made(client.post("/v1/validation-rules", json=rule_body(rules))))["id"])


async def add_campaign(client: httpx.AsyncClient, **changes: Any) -> dict[str, Any]:
    campaign: dict[str, Any] = await made(
        client.post("/v1/campaigns", json=campaign_body(**changes))
    )
    return campaign


async def assign(client: httpx.AsyncClient, rule_id: str, campaign_id: str) -> httpx.Response:
    body = {"related_object_type": "campaign", "related_object_id": campaign_id}
    return await client.post(f"/v1/validation-rules/{rule_id}/assignments", json=body)


async def terms_now(database: Database, campaign_id: str) -> CampaignTerms:
    versions = await rows(database, CampaignVersion, campaign_id=campaign_id)
    return CampaignTerms.model_validate(versions[-1].terms)


class TestRules:
    async def test_a_rule_is_answered_as_it_was_given(self, service: httpx.AsyncClient) -> None:
        body = rule_body()
        rule = await made(service.post("/v1/validation-rules", json=body))
        assert rule == await made(service.get(f"/v1/validation-rules/{rule['id']}"))
        assert rule["id"].startswith("val_")
        assert {name: rule[name] for name in body} == body
        assert rule["assignments_count"] == 0
        assert rule["object"] == "validation_rules"

    async def test_lists_are_newest_first(self, service: httpx.AsyncClient) -> None:
        ids = [await add_rule(service) for _ in range(3)]
        listed = await made(service.get("/v1/validation-rules?limit=2"))
        assert [rule["id"] for rule in listed["data"]] == ids[:0:-1]
        assert (listed["total"], listed["has_more"]) == (3, True)

    @pytest.mark.parametrize(
        ("rules", "pointer"),
        [
            ({"1": {"name": "moon.phase", "conditions": {"$is": [1]}}}, "/rules/1/name"),
            (
                {"1": {"name": "redemption.gift.amount", "conditions": {"$is": [1]}}},
                "/rules/1/name",
            ),
            ({"1": {"name": "order.amount", "conditions": {"$near": [1]}}}, None),
            ({"1": {"name": "order.amount", "conditions": {"$contains": ["a"]}}}, "/rules/1"),
            (
                {"1": {"name": "order.amount", "conditions": {"$is": [1]}}, "logic": "1 and"},
                "/rules",
            ),
        ],
    )
    async def test_a_condition_that_is_never_evaluated_is_refused(
        self, unchanged: httpx.AsyncClient, rules: dict[str, Any], pointer: str | None
    ) -> None:
        response = await unchanged.post("/v1/validation-rules", json={"rules": rules})
        refused(response, 400, "invalid_payload", pointer)

    async def test_the_refusal_lists_what_is_supported(self, unchanged: httpx.AsyncClient) -> None:
        rules = {"1": {"name": "moon.phase", "conditions": {"$is": [1]}}}
        response = await unchanged.post("/v1/validation-rules", json={"rules": rules})
        assert "customer.segment" in response.json()["detail"]

    @pytest.mark.parametrize(
        "changes",
        [
            {"bundle_rules": {"1": {"name": "order.items.any"}}},
            {"applicable_to": {"included_all": False, "included": [{"object": "product"}]}},
            {"context_type": "campaign.loyalty_program"},
            {"rules": condition("customer.segment", {"$is": ["seg_none"]})},
        ],
    )
    async def test_unknown_members_of_a_rule_are_refused(
        self, unchanged: httpx.AsyncClient, changes: dict[str, Any]
    ) -> None:
        response = await unchanged.post("/v1/validation-rules", json=rule_body() | changes)
        assert response.status_code in (400, 404), response.text

    async def test_one_that_is_assigned_to_nothing_can_be_deleted(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        rule_id = await add_rule(service)
        assert (await service.delete(f"/v1/validation-rules/{rule_id}")).status_code == 204
        assert await rows(database, ValidationRule) == []
        refused(await service.get(f"/v1/validation-rules/{rule_id}"), 404, "resource_not_found")


class TestAssignments:
    async def test_the_campaigns_next_version_has_the_rule(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        rule_id, campaign = await add_rule(service), await add_campaign(service)
        assignment = await made(assign(service, rule_id, campaign["id"]))
        assert assignment["rule_id"] == rule_id
        assert assignment["related_object_id"] == campaign["id"]
        after = await made(service.get(f"/v1/campaigns/{campaign['id']}"))
        assert after["version"] == campaign["version"] + 1
        (rule,) = (await terms_now(database, campaign["id"])).rules
        assert (rule.id, rule.rules.model_dump(mode="json")) == (rule_id, BIG_ORDER)

    async def test_assignments_are_listed(self, service: httpx.AsyncClient) -> None:
        rule_id, other = await add_rule(service), await add_rule(service)
        for one in (rule_id, other):
            await made(assign(service, one, (await add_campaign(service))["id"]))
        listed = await made(service.get(f"/v1/validation-rules/{rule_id}/assignments"))
        assert [one["rule_id"] for one in listed["data"]] == [rule_id]
        every = await made(service.get("/v1/validation-rules-assignments"))
        assert [one["rule_id"] for one in every["data"]] == [other, rule_id]
        assert (await made(service.get(f"/v1/validation-rules/{rule_id}")))[
            "assignments_count"
        ] == 1

    async def test_a_change_of_the_rule_is_a_new_version_too(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        rule_id, campaign = await add_rule(service), await add_campaign(service)
        await made(assign(service, rule_id, campaign["id"]))
        bigger = {"1": {"name": "order.amount", "conditions": {"$more_than": [9000]}}, "logic": "1"}
        body = {"rules": bigger, "error": {"message": "Spend $90."}}
        await made(service.put(f"/v1/validation-rules/{rule_id}", json=body))
        versions = await rows(database, CampaignVersion, campaign_id=campaign["id"])
        second, third = [CampaignTerms.model_validate(one.terms).rules[0] for one in versions[1:]]
        assert second.rules.model_dump(mode="json") == BIG_ORDER
        assert third.rules.model_dump(mode="json") == bigger
        assert third.error
        assert third.error.message == "Spend $90."

    async def test_taken_away_the_rule_is_gone_from_the_next_version(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        rule_id, campaign = await add_rule(service), await add_campaign(service)
        assignment = await made(assign(service, rule_id, campaign["id"]))
        busy = await service.delete(f"/v1/validation-rules/{rule_id}")
        refused(busy, 409, "not_allowed_in_state")
        path = f"/v1/validation-rules/{rule_id}/assignments/{assignment['id']}"
        assert (await service.delete(path)).status_code == 204
        assert (await terms_now(database, campaign["id"])).rules == ()
        refused(await service.delete(path), 404, "resource_not_found")

    async def test_twice_is_refused(self, service: httpx.AsyncClient) -> None:
        rule_id, campaign = await add_rule(service), await add_campaign(service)
        await made(assign(service, rule_id, campaign["id"]))
        refused(await assign(service, rule_id, campaign["name"]), 409, "duplicate_found")

    async def test_a_rule_that_the_campaign_never_judges_is_refused(
        self, service: httpx.AsyncClient
    ) -> None:
        asked = {"property": "plan"} | condition("custom_event.metadata", {"$is": ["pro"]})["1"]
        rule_id = await add_rule(service, {"1": asked})
        redeemed = {"conversion_event_type": "redemption", "custom_event": None, "tiers": []}
        campaign = await add_campaign(service, referral_program=redeemed)
        refused(await assign(service, rule_id, campaign["id"]), 400, "invalid_payload")

    @pytest.mark.parametrize("type", ["voucher", "promotion_tier", "reward_assignment"])
    async def test_only_campaigns_have_rules(self, unchanged: httpx.AsyncClient, type: str) -> None:
        body = {"related_object_type": type, "related_object_id": "v_1"}
        response = await unchanged.post("/v1/validation-rules/val_1/assignments", json=body)
        refused(response, 400, "invalid_payload", "/related_object_type")


class TestSegments:
    async def test_described_and_listed(self, service: httpx.AsyncClient) -> None:
        filter = {"junction": "or", "metadata.country": {"conditions": {"$in": ["US", "CA"]}}}
        body = {"name": "North America", "type": "passive", "filter": filter}
        segment = await made(service.post("/v1/segments", json=body))
        assert segment == await made(service.get(f"/v1/segments/{segment['id']}"))
        assert (segment["filter"], segment["type"]) == (filter, "passive")
        listed = await made(service.get("/v1/segments"))
        assert [one["id"] for one in listed["data"]] == [segment["id"]]

    async def test_a_static_one_lists_known_customers(self, service: httpx.AsyncClient) -> None:
        customer = await made(service.post("/v1/customers", json=person()))
        body = {"name": "VIPs", "type": "static", "customers": [customer["id"]]}
        segment = await made(service.post("/v1/segments", json=body))
        change = {"customers": ["cust_nobody"]}
        answer = await service.put(f"/v1/segments/{segment['id']}", json=change)
        refused(answer, 404, "resource_not_found", "/customers")

    async def test_one_that_a_rule_names_stays(self, service: httpx.AsyncClient) -> None:
        body = {"name": "VIPs", "type": "static"}
        segment = await made(service.post("/v1/segments", json=body))
        rule_id = await add_rule(service, condition("customer.segment", {"$is": [segment["id"]]}))
        path = f"/v1/segments/{segment['id']}"
        refused(await service.delete(path), 409, "not_allowed_in_state")
        await service.delete(f"/v1/validation-rules/{rule_id}")
        assert (await service.delete(path)).status_code == 204

    @pytest.mark.parametrize(
        "body",
        [
            {"name": "x", "type": "auto-update"},
            {"name": "x", "type": "static", "filter": {"metadata.a": {"conditions": {"$is": "b"}}}},
            {"name": "x", "filter": {"email": {"conditions": {"$is": "b"}}}},
            {"name": "x", "filter": {"metadata.a": {"conditions": {"$near": "b"}}}},
        ],
    )
    async def test_a_contradictory_segment_is_refused(
        self, unchanged: httpx.AsyncClient, body: dict[str, Any]
    ) -> None:
        refused(await unchanged.post("/v1/segments", json=body), 400, "invalid_payload")
