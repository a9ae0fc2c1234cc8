"""What a provider does not offer is in no reward and in no live campaign."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
import pytest_asyncio

from domain.catalogue import Product
from domain.money import Money
from domain.rewards import Delivery
from store.database import Database
from store.tables import CampaignVersion
from tests.api.api_bodies import campaign_body, card, made, refused, tier
from tests.builders import PROVIDER, add_campaign, every_friend, gift_card, one, set_active, terms
from tests.catalogues import cvs, put_catalogue

AMAZON = Product(
    id="AMAZON",
    name="Amazon.com",
    currency="USD",
    fixed=tuple(Money(amount=n, currency="USD") for n in (10_00, 25_00)),
    deliveries=frozenset({Delivery.EMAIL, Delivery.LINK}),
)
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"product_id": "CVX"}, "/product_id"),
    ({"amount": 99}, "/amount"),
    ({"currency": "EUR"}, "/currency"),
    ({"delivery": "sms"}, "/delivery"),
    ({"product_id": "AMAZON", "amount": 2000}, "/amount"),
]


@pytest_asyncio.fixture
async def catalogue(database: Database) -> None:
    await put_catalogue(database, cvs(), AMAZON)


@pytest.mark.usefixtures("catalogue")
class TestRefused:
    @pytest.mark.parametrize(("changes", "member"), WRONG)
    async def test_in_a_campaign(
        self, service: httpx.AsyncClient, changes: dict[str, Any], member: str
    ) -> None:
        body = campaign_body({"tiers": [tier(), tier(card(**changes))]})
        response = await service.post("/v1/campaigns", json=body)
        refused(response, 400, "invalid_payload", f"/referral_program/tiers/1/reward{member}")

    async def test_as_an_alternative(self, service: httpx.AsyncClient) -> None:
        others = [{"provider": PROVIDER, "product_id": id} for id in ("AMAZON", "CVX")]
        body = campaign_body({"referee_reward": card(2500, alternatives=others)})
        response = await service.post("/v1/campaigns", json=body)
        pointer = "/referral_program/referee_reward/alternatives/1/product_id"
        refused(response, 400, "invalid_payload", pointer)

    async def test_as_the_friends_own_reward(self, service: httpx.AsyncClient) -> None:
        body = campaign_body({"referee_reward": card(product_id="CVX")})
        response = await service.post("/v1/campaigns", json=body)
        pointer = "/referral_program/referee_reward/product_id"
        refused(response, 400, "invalid_payload", pointer)
        assert "CVS Pharmacy (CVS)" in response.json()["detail"]

    @pytest.mark.parametrize(("changes", "member"), WRONG)
    async def test_as_a_reusable_reward(
        self, service: httpx.AsyncClient, changes: dict[str, Any], member: str
    ) -> None:
        body = {"name": "A card", "reward": card(**changes)}
        response = await service.post("/v1/rewards", json=body)
        refused(response, 400, "invalid_payload", f"/reward{member}")

    async def test_in_a_change_of_a_campaign(self, service: httpx.AsyncClient) -> None:
        campaign = await made(service.post("/v1/campaigns", json=campaign_body()))
        change = {"referral_program": {"referee_reward": card(amount=1)}}
        response = await service.put(f"/v1/campaigns/{campaign['id']}", json=change)
        refused(response, 400, "invalid_payload", "/referral_program/referee_reward/amount")

    async def test_a_campaign_with_a_product_no_longer_offered_is_refused(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        body = {"name": "A card", "reward": card()}
        reward = await made(service.post("/v1/rewards", json=body))
        await put_catalogue(database, AMAZON)
        program = {"referee_reward": {"reward_id": reward["id"]}}
        response = await service.post("/v1/campaigns", json=campaign_body(program))
        refused(response, 400, "invalid_payload", "/referral_program/referee_reward/product_id")


async def test_a_campaign_is_not_enabled_with_it(
    service: httpx.AsyncClient, database: Database
) -> None:
    campaign_id = await add_campaign(database, terms(every_friend(gift_card(product_id="CVX"))))
    await set_active(database, campaign_id, active=False)
    await put_catalogue(database, cvs())
    response = await service.post(f"/v1/campaigns/{campaign_id}/enable")
    pointer = "/referral_program/tiers/0/reward/product_id"
    refused(response, 400, "invalid_payload", pointer)
    assert not (await made(service.get(f"/v1/campaigns/{campaign_id}")))["active"]
    await made(service.post(f"/v1/campaigns/{campaign_id}/disable"))


@pytest.mark.usefixtures("catalogue")
async def test_an_offered_card_is_accepted_and_fixed_values_are_marked(
    service: httpx.AsyncClient, database: Database
) -> None:
    amazon = card(2500, product_id="AMAZON", delivery="link")
    body = campaign_body({"referee_reward": card(), "tiers": [tier(amazon)]})
    campaign = await made(service.post("/v1/campaigns", json=body))
    await made(service.post(f"/v1/campaigns/{campaign['id']}/enable"))
    stored = (await one(database, CampaignVersion, campaign_id=campaign["id"])).terms
    assert stored["tiers"][0]["reward"]["fixed_value"] is True
    assert "fixed_value" not in stored["referee_reward"]


async def test_a_provider_that_nobody_has_asked_yet_refuses_nothing(
    service: httpx.AsyncClient, database: Database
) -> None:
    await put_catalogue(database, cvs())
    strange = card(provider="tremendous", product_id="ANYTHING")
    await made(service.post("/v1/campaigns", json=campaign_body({"referee_reward": strange})))
