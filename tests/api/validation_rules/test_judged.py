"""Each property of a validation rule over HTTP: one use that passes, and one that is refused with
its verdict."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from domain.rules.properties import PROPERTIES
from store.qualification.qualify import qualify
from store.tables import Referral
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
from tests.api.conftest import Module
from tests.builders import number, one, start_of

TEA = {"product_id": "prod_tea", "quantity": 2, "price": 1500, "amount": 3000}
CUP = {"source_id": "cup", "related_object": "sku", "quantity": 1, "price": 900, "amount": 900}
FREE = {"product_id": "prod_free", "quantity": 1, "price": 0, "amount": 0}


def order(*items: dict[str, Any], **changes: Any) -> dict[str, Any]:
    given: dict[str, Any] = {"source_id": f"order-{number()}", "amount": 5000}
    return {"order": given | ({"items": list(items)} if items else {}) | changes}


def customer(**metadata: Any) -> dict[str, Any]:
    return {"customer": person(metadata=metadata)}


def item(**metadata: Any) -> dict[str, Any]:
    return TEA | {"metadata": metadata}


ORDER, CUSTOMER = "order_rules_violated", "customer_rules_violated"
SAID = "redemption_rules_violated"

STATIC: list[tuple[str, str | None, dict[str, Any], dict[str, Any], dict[str, Any], str]] = [
    ("customer.metadata", "country", {"$is": ["US"]}, customer(country="US"),
     customer(country="FR"), CUSTOMER),
    ("order.amount", None, {"$more_than_or_equal": [5000]}, order(), order(amount=4999), ORDER),
    ("order.initial_amount", None, {"$less_than": [5001]}, order(), order(amount=5001), ORDER),
    # The code takes 10 percent off.
    ("order.total_amount", None, {"$less_than_or_equal": [4500]}, order(), order(amount=5010),
     ORDER),
    ("order.items.count", None, {"$is": [3]}, order(TEA, CUP), order(TEA), ORDER),
    ("order.metadata", "store", {"$in": ["A", "B"]}, order(metadata={"store": "B"}),
     order(metadata={"store": "C"}), ORDER),
    ("order.items.price_any", None, {"$more_than": [1000]}, order(TEA, CUP), order(CUP), ORDER),
    ("order.items.price_each", None, {"$more_than": [1000]}, order(TEA), order(TEA, CUP), ORDER),
    ("order.items.metadata_any", "kind", {"$is": ["drink"]}, order(item(kind="drink"), CUP),
     order(CUP), ORDER),
    ("order.items.metadata_each", "kind", {"$is": ["drink"]}, order(item(kind="drink")),
     order(item(kind="drink"), CUP), ORDER),
    ("product.id", None, {"$is_not": [{"id": "prod_free"}]}, order(TEA), order(TEA, FREE), ORDER),
    ("product.price", None, {"$is": [1500]}, order(TEA), order(CUP), ORDER),
    ("product.quantity", None, {"$more_than": [1]}, order(TEA), order(CUP), ORDER),
    ("product.metadata", "brand", {"$starts_with": ["Ac"]}, order(item(brand="Acme")),
     order(item(brand="Best")), ORDER),
    ("sku.id", None, {"$is": ["cup"]}, order(CUP), order(TEA), ORDER),
    ("sku.price", None, {"$less_than": [1000]}, order(CUP), order(TEA), ORDER),
    ("sku.quantity", None, {"$is": [1]}, order(CUP), order(TEA), ORDER),
    ("sku.metadata", "size", {"$is": ["L"]}, order(CUP | {"sku": {"metadata": {"size": "L"}}}),
     order(CUP | {"sku": {"metadata": {"size": "S"}}}), ORDER),
    ("redemption.metadata", "channel", {"$is": ["web"]}, {"metadata": {"channel": "web"}},
     {"metadata": {"channel": "kiosk"}}, SAID),
]  # fmt: skip

ANYBODY, SAME = "anybody", "the same customer"
COUNTED: list[tuple[str, dict[str, Any], int, str, int]] = [
    # The property, its bound, how many uses of 5,000 (500 off) fit, who tries once more, and
    # what the property comes to then.
    ("campaign.orders.amount", {"$less_than_or_equal": [10_000]}, 2, ANYBODY, 15_000),
    ("campaign.orders.amount_discounted", {"$less_than_or_equal": [1_000]}, 2, ANYBODY, 1_500),
    *(
        (f"campaign.redemptions.count{period}", {"$less_than_or_equal": [2]}, 2, ANYBODY, 3)
        for period in ("", ".daily", ".weekly", ".monthly")
    ),
    *(
        (f"campaign.redemptions.customers_count{period}", {"$less_than": [2]}, 1, SAME, 2)
        for period in ("", ".daily", ".weekly", ".monthly")
    ),
    *(
        (f"redemption.count{period}", {"$less_than_or_equal": [1]}, 1, ANYBODY, 2)
        for period in (".daily", ".weekly", ".monthly")
    ),
    *(
        (f"redemption.count.per_customer{period}", {"$less_than_or_equal": [1]}, 1, SAME, 2)
        for period in ("", ".daily", ".weekly", ".monthly")
    ),
]
ELSEWHERE = {"customer.segment", "redemption.api_key", "custom_event.metadata"}


async def add_rule(client: httpx.AsyncClient, *conditions: dict[str, Any], **more: Any) -> str:
    rules = {str(index): each for index, each in enumerate(conditions, 1)}
    body = {"name": f"Rule {number()}", "rules": rules} | more
    return str((await made(client.post("/v1/validation-rules", json=body)))["id"])


def condition(name: str, property: str | None, conditions: dict[str, Any]) -> dict[str, Any]:
    named = {"property": property} if property else {}
    return {"name": name, "conditions": conditions, **named}


async def shared_under(client: httpx.AsyncClient, rule_id: str, **program: Any) -> Shared:
    """A campaign that has the rule; it converts on redemption, unless `program` says else."""
    limits = {"redemptions_per_customer": 5}
    return await share(
        client, REDEMPTION | {"limits": limits} | program, validation_rules=[rule_id]
    )


def refused_by(response: httpx.Response, rule_id: str, key: str) -> dict[str, Any]:
    """The failing verdict of a refusal by this rule."""
    refused(response, 400, key)
    body = response.json()
    assert body["resource_id"] == rule_id
    verdict: dict[str, Any]
    (verdict,) = [one for one in body["verdicts"] if not one["passed"]]
    assert (verdict["check"], verdict["rule_id"]) == ("validation_rule", rule_id)
    assert verdict["detail"] == body["detail"]
    return verdict


class TestEveryProperty:
    def test_is_in_a_table(self) -> None:
        tabled = {one[0] for one in STATIC} | {one[0] for one in COUNTED} | ELSEWHERE
        assert tabled == PROPERTIES.keys()

    @pytest.mark.parametrize(
        ("name", "property", "conditions", "good", "bad", "key"),
        STATIC,
        ids=lambda one: str(one)[:30],
    )
    async def test_of_one_use(
        self,
        module_api: Module,
        name: str,
        property: str | None,
        conditions: dict[str, Any],
        good: dict[str, Any],
        bad: dict[str, Any],
        key: str,
    ) -> None:
        client = module_api.client
        rule_id = await add_rule(client, condition(name, property, conditions))
        shared = await shared_under(client, rule_id)
        body = redemption_body(shared.code) | bad
        verdict = refused_by(await client.post("/v1/redemptions", json=body), rule_id, key)
        asked = verdict["numbers"]["1"]
        assert asked["name"] == (f"{name} {property}" if property else name)
        assert asked["passed"] is False
        await made(client.post("/v1/redemptions", json=redemption_body(shared.code) | good))

    @pytest.mark.parametrize(("name", "conditions", "fit", "who", "seen"), COUNTED)
    async def test_of_many_uses(
        self,
        module_api: Module,
        name: str,
        conditions: dict[str, Any],
        fit: int,
        who: str,
        seen: int,
    ) -> None:
        client = module_api.client
        rule_id = await add_rule(client, condition(name, None, conditions))
        shared = await shared_under(client, rule_id)
        regular = person()

        def body() -> dict[str, Any]:
            friend = regular if who == SAME else person()
            return redemption_body(shared.code, friend) | order()

        for _ in range(fit):
            await made(client.post("/v1/redemptions", json=body()))
        response = await client.post("/v1/redemptions", json=body())
        verdict = refused_by(response, rule_id, SAID)
        assert verdict["numbers"]["1"]["value"] == seen

    async def test_customer_segment(self, module_api: Module) -> None:
        client = module_api.client
        filter = {"metadata.tier": {"conditions": {"$is": ["gold"]}}}
        segment = await made(client.post("/v1/segments", json={"name": "Gold", "filter": filter}))
        asked = condition("customer.segment", None, {"$is": [segment["id"]]})
        rule_id = await add_rule(client, asked)
        shared = await shared_under(client, rule_id)
        body = redemption_body(shared.code) | customer(tier="tin")
        refused_by(await client.post("/v1/redemptions", json=body), rule_id, CUSTOMER)
        body = redemption_body(shared.code) | customer(tier="gold")
        await made(client.post("/v1/redemptions", json=body))

    async def test_redemption_api_key(self, module_api: Module) -> None:
        client = module_api.client
        key = client.headers["X-App-Id"]
        for operator, expected in (("$is", 200), ("$is_not", 400)):
            rule_id = await add_rule(
                client, condition("redemption.api_key", None, {operator: [key]})
            )
            shared = await shared_under(client, rule_id)
            body = redemption_body(shared.code)
            response = await client.post("/v1/redemptions", json=body)
            assert response.status_code == expected, response.text

    async def test_custom_event_metadata(self, module_api: Module) -> None:
        client = module_api.client
        asked = condition("custom_event.metadata", "plan", {"$is": ["pro"]})
        rule_id = await add_rule(client, asked)
        shared = await share(client, validation_rules=[rule_id])
        # At the discount it is too early to ask.
        await made(client.post("/v1/redemptions", json=redemption_body(shared.code)))
        free = event_body(shared.code, metadata={"plan": "free"})
        refused_by(await client.post("/v1/events", json=free), rule_id, SAID)
        pro = event_body(shared.code, metadata={"plan": "pro"})
        assert (await made(client.post("/v1/events", json=pro)))["referral"][
            "status"
        ] == "converted"


class TestEvents:
    async def test_an_order_rule_asks_the_events_own_order(self, module_api: Module) -> None:
        client = module_api.client
        asked = condition("order.amount", None, {"$more_than": [4000]})
        rule_id = await add_rule(client, asked, error={"message": "Orders above $40."})
        shared = await share(client, validation_rules=[rule_id])
        response = await client.post("/v1/events", json=event_body(shared.code))
        assert "Orders above $40." in refused_by(response, rule_id, ORDER)["detail"]
        small = event_body(shared.code, order={"amount": 4000})
        refused_by(await client.post("/v1/events", json=small), rule_id, ORDER)
        large = event_body(shared.code, order={"amount": 4001})
        referral = (await made(client.post("/v1/events", json=large)))["referral"]
        row = await one(module_api.database, Referral, id=referral["id"])
        assert row.order_amount == 4001

    async def test_an_event_without_an_order_is_judged_by_the_redemption_s_order(
        self, module_api: Module
    ) -> None:
        client = module_api.client
        asked = condition("order.amount", None, {"$more_than": [4000]})
        shared = await share(client, validation_rules=[await add_rule(client, asked)])
        friend = person()
        await made(
            client.post("/v1/redemptions", json=redemption_body(shared.code, friend) | order())
        )
        answer = await made(client.post("/v1/events", json=event_body(None, friend)))
        assert answer["referral"]["status"] == "converted"

    async def test_without_a_code_the_referral_goes_on_waiting_and_says_why(
        self, module_api: Module
    ) -> None:
        client = module_api.client
        asked = condition("order.amount", None, {"$more_than": [4000]})
        rule_id = await add_rule(client, asked)
        shared = await share(client, validation_rules=[rule_id])
        friend = person()
        body = {"code": shared.code, "customer": friend}
        referral = await made(client.post("/v1/referrals", json=body), 201)
        small = event_body(None, friend, order={"amount": 100})
        answer = await made(client.post("/v1/events", json=small))
        assert answer["referral"] == {
            "id": referral["id"],
            "status": "waiting",
            "campaign_id": shared.campaign_id,
            "reason": None,
            "rewarded": True,
            "why_not": None,
        }
        read = await made(client.get(f"/v1/referrals/{referral['id']}"))
        (verdict,) = read["verdicts"]
        assert (verdict["rule_id"], verdict["passed"]) == (rule_id, False)
        large = event_body(None, friend, order={"amount": 4001})
        answer = await made(client.post("/v1/events", json=large))
        assert answer["referral"]["status"] == "converted"

    async def test_one_too_many_that_slipped_in_is_rejected_and_names_the_rule(
        self, module_api: Module
    ) -> None:
        client, database = module_api
        asked = condition("campaign.redemptions.count", None, {"$less_than_or_equal": [1]})
        rule_id = await add_rule(client, asked, error={"message": "One a campaign."})
        shared = await share(client, validation_rules=[rule_id])
        # Both are accepted before either is judged.
        taken = [
            await made(client.post("/v1/events", json=event_body(shared.code))) for _ in range(2)
        ]
        ids = [answer["referral"]["id"] for answer in taken]
        for id in ids:
            await qualify(database, start_of(await one(database, Referral, id=id)))
        first, second = [await made(client.get(f"/v1/referrals/{id}")) for id in ids]
        assert first["status"] != "rejected"
        assert [one["passed"] for one in first["verdicts"] if one["rule_id"]] == [True]
        assert second["status"] == "rejected"
        (verdict,) = [one for one in second["verdicts"] if one["rule_id"] == rule_id]
        assert verdict["numbers"]["1"]["value"] == 2
        assert "One a campaign." in second["reason"]


class TestPinned:
    async def test_a_friend_who_began_is_judged_by_the_rule_as_it_was(
        self, module_api: Module
    ) -> None:
        client = module_api.client
        rule_id = await add_rule(client, condition("order.amount", None, {"$more_than": [4000]}))
        shared = await share(client, validation_rules=[rule_id])
        friend = person()
        body = {"code": shared.code, "customer": friend}
        await made(client.post("/v1/referrals", json=body), 201)
        harder = {"1": condition("order.amount", None, {"$more_than": [9000]})}
        change = {"rules": harder}
        await made(client.put(f"/v1/validation-rules/{rule_id}", json=change))
        event = event_body(shared.code, friend, order={"amount": 5000})
        assert (await made(client.post("/v1/events", json=event)))["referral"][
            "status"
        ] == "converted"
        newcomer = event_body(shared.code, order={"amount": 5000})
        refused_by(await client.post("/v1/events", json=newcomer), rule_id, ORDER)

    async def test_the_campaign_tells_which_rules_it_has(self, module_api: Module) -> None:
        client = module_api.client
        rule_id = await add_rule(client, condition("order.amount", None, {"$more_than": [1]}))
        shared = await shared_under(client, rule_id)
        campaign = await made(client.get(f"/v1/campaigns/{shared.campaign_id}"))
        assert campaign["version"] == 1
        (assignment,) = campaign["validation_rules_assignments"]["data"]
        assert (assignment["rule_id"], assignment["related_object_id"]) == (rule_id, campaign["id"])


class TestValidations:
    async def test_the_rules_are_asked_and_nothing_is_consumed(self, module_api: Module) -> None:
        client = module_api.client
        rule_id = await add_rule(
            client, condition("campaign.redemptions.count", None, {"$less_than_or_equal": [1]})
        )
        shared = await shared_under(client, rule_id)
        for _ in range(2):
            answer = await made(client.post("/v1/validations", json=redemption_body(shared.code)))
            assert answer["valid"] is True
        await made(client.post("/v1/redemptions", json=redemption_body(shared.code)))
        answer = await made(client.post("/v1/validations", json=redemption_body(shared.code)))
        assert answer["valid"] is False


class TestAllAtOnce:
    async def test_no_redemption_slips_past_a_count(self, module_api: Module) -> None:
        client = module_api.client
        asked = condition("campaign.redemptions.count", None, {"$less_than_or_equal": [3]})
        rule_id = await add_rule(client, asked)
        shared = await shared_under(client, rule_id)
        bodies = [redemption_body(shared.code) for _ in range(8)]
        answers = await asyncio.gather(
            *(client.post("/v1/redemptions", json=body) for body in bodies)
        )
        assert sorted(answer.status_code for answer in answers) == [200] * 3 + [400] * 5
        for answer in answers:
            if answer.status_code == 400:
                refused_by(answer, rule_id, SAID)
