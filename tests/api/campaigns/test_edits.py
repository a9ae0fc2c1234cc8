"""Editing and deleting campaigns: what changes, what stays, what is refused."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from store.database import Database
from store.tables import Budget, Campaign, CampaignVersion, Event, Publication, Voucher
from tests.api.api_bodies import campaign_body, card, event_body, made, person, refused, share, tier
from tests.auditing import assert_books_agree
from tests.builders import one, rows


async def _create(client: httpx.AsyncClient, program: Any = None, **changes: Any) -> Any:
    return await made(client.post("/v1/campaigns", json=campaign_body(program, **changes)))


async def _edit(client: httpx.AsyncClient, campaign: Any, body: Any, status: int = 200) -> Any:
    return await made(client.put(f"/v1/campaigns/{campaign['id']}", json=body), status)


def _budget(amount: int, currency: str = "USD") -> Any:
    return {"referral_program": {"limits": {"budget": {"amount": amount, "currency": currency}}}}


class TestEdit:
    async def test_a_long_duration_is_read_back_as_it_was_written(
        self, service: httpx.AsyncClient
    ) -> None:
        campaign = await _create(service, {"attribution_window": "P365D"})
        changed = await _edit(service, campaign, {"activity_duration_after_publishing": "P3136D"})
        assert changed["activity_duration_after_publishing"] == "P3136D"
        assert changed["referral_program"]["attribution_window"] == "P365D"

    async def test_terms_make_a_version(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        campaign = await _create(service)
        after = await _edit(service, campaign, {"referral_program": {"hold": "P14D"}})
        assert (after["version"], after["referral_program"]["hold"]) == (2, "P14D")
        kept = ("tiers", "referee_reward", "attribution_window", "limits")
        for name in kept:
            assert after["referral_program"][name] == campaign["referral_program"][name]
        assert [row.version for row in await rows(database, CampaignVersion)] == [1, 2]
        event = await one(database, Event, type="campaign.updated")
        assert event.detail == "hold: PT0S becomes P14D"
        assert event.actor == service.headers["X-App-Id"]

    async def test_a_change_outside_the_terms_makes_no_version(
        self, service: httpx.AsyncClient
    ) -> None:
        campaign = await _create(service, metadata={"a": 1, "b": 2})
        body = {
            "name": "Renamed",
            "description": "New",
            "expiration_date": "2030-01-01T00:00:00Z",
            "metadata": {"c": 3},
            "unset_metadata_fields": ["a"],
        }
        after = await _edit(service, campaign, body)
        assert (after["version"], after["name"], after["description"]) == (1, "Renamed", "New")
        assert after["expiration_date"] == "2030-01-01T00:00:00Z"
        assert after["metadata"] == {"b": 2, "c": 3}
        assert after["updated_at"] is not None

    async def test_null_means_not_given(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        campaign = await _create(service, description="Old")
        nothing = {
            "description": None,
            "start_date": None,
            "referral_program": None,
            "discount": None,
            "options": None,
            "validity_day_of_week": None,
        }
        assert await _edit(service, campaign, nothing) == campaign
        assert await rows(database, Event, type="campaign.updated") == []

    async def test_unset_removes(self, service: httpx.AsyncClient) -> None:
        program = {"limits": {"budget": {"amount": 10_000}, "grants_per_referrer": 5}}
        campaign = await _create(service, program, description="Old")
        members = ("referee_reward", "limits.budget", "limits.grants_per_referrer")
        unset = ["description", "voucher.discount", *(f"referral_program.{m}" for m in members)]
        after = await _edit(service, campaign, {"unset": unset})
        assert after["description"] is None
        assert after["voucher"]["discount"] is None
        assert after["referral_program"]["referee_reward"] is None
        limits = after["referral_program"]["limits"]
        assert (limits["budget"], limits["grants_per_referrer"]) == (None, None)

    async def test_voucherifys_own_discount(self, service: httpx.AsyncClient) -> None:
        campaign = await _create(service)
        discount = {"type": "AMOUNT", "amount_off": 500.0, "effect": None}
        after = await _edit(service, campaign, {"discount": discount})
        assert after["voucher"]["discount"]["amount_off"] == 500

    async def test_tiers_keep_their_ids(self, service: httpx.AsyncClient) -> None:
        campaign = await _create(service, {"tiers": [tier(), tier(name="also")]})
        first, second = campaign["referral_program"]["tiers"]
        tiers = [tier(name="new"), second | {"name": "renamed"}, tier(card(9900))]
        after = await _edit(service, campaign, {"referral_program": {"tiers": tiers}})
        new, renamed, changed = after["referral_program"]["tiers"]
        assert new["id"] not in (first["id"], second["id"])
        assert renamed["id"] == second["id"]
        assert (changed["id"], changed["reward"]["amount"]) == (first["id"], 9900)

    async def test_an_answered_campaign_can_be_sent_again(self, service: httpx.AsyncClient) -> None:
        campaign = await _create(service)
        again = {name: campaign[name] for name in ("name", "metadata", "referral_program")}
        assert await _edit(service, campaign, again) == campaign

    @pytest.mark.parametrize(
        ("body", "pointer"),
        [
            ({"name": ""}, "/name"),
            ({"expiration_date": "2001-01-01", "start_date": "2002-01-01"}, "/expiration_date"),
            ({"active": "yes, please"}, "/active"),
            ({"unset": ["name"]}, "/unset/0"),
            ({"unset": ["referral_program.limits.nothing"]}, "/unset/0"),
            ({"referral_program": {"hold": "long"}}, "/referral_program/hold"),
            ({"referral_program": {"tiers": [tier(card(-1))]}}, "/referral_program/tiers/0/reward"),
            ({"voucher": {"code_config": {"pattern": "ALL"}}}, "/voucher/code_config/pattern"),
            (_budget(10_000, "EUR"), "/referral_program"),
        ],
    )
    async def test_a_malformed_request_is_refused(
        self, service: httpx.AsyncClient, body: Any, pointer: str
    ) -> None:
        campaign = await _create(service)
        response = await service.put(f"/v1/campaigns/{campaign['id']}", json=body)
        assert response.status_code == 400
        pointers = [error["pointer"] for error in response.json()["errors"]]
        assert any(found.startswith(pointer) for found in pointers), pointers
        assert await made(service.get(f"/v1/campaigns/{campaign['id']}")) == campaign

    async def test_refused(self, service: httpx.AsyncClient, support: httpx.AsyncClient) -> None:
        campaign, other = await _create(service), await _create(service)
        path = f"/v1/campaigns/{campaign['id']}"
        refused(await support.put(path, json={"name": "x"}), 403, "forbidden")
        taken = {"name": other["name"]}
        refused(await service.put(path, json=taken), 409, "duplicate_found", "/name")
        once = {"join_once": False}
        refused(await service.put(path, json=once), 409, "not_allowed_in_state", "/join_once")
        unknown = await service.put("/v1/campaigns/camp_x", json={"name": "x"})
        refused(unknown, 404, "resource_not_found")

    async def test_the_conversion_event_cannot_change_once_there_are_referrals(
        self, service: httpx.AsyncClient
    ) -> None:
        shared = await share(service)
        path = f"/v1/campaigns/{shared.campaign_id}"
        other = {"referral_program": {"custom_event": {"name": "second_purchase"}}}
        assert (await made(service.put(path, json=other)))["version"] == 2
        body = {"code": shared.code, "customer": person()}
        await made(service.post("/v1/referrals", json=body), 201)
        back = {"referral_program": {"custom_event": {"name": "first_purchase"}}}
        pointer = "/referral_program/conversion_event_type"
        refused(await service.put(path, json=back), 409, "not_allowed_in_state", pointer)


class TestBudget:
    async def test_grows_and_shrinks_with_the_books(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        campaign = await _create(service)
        for body, ceiling in (
            (_budget(50_000), 50_000),
            (_budget(80_000), 80_000),
            (_budget(20_000), 20_000),
            ({"unset": ["referral_program.limits.budget"]}, None),
        ):
            await _edit(service, campaign, body)
            assert (await one(database, Budget)).ceiling == ceiling
            await assert_books_agree(database)

    async def test_never_below_what_is_reserved(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        campaign = await _create(service, {"limits": {"budget": {"amount": 50_000}}})
        async with database.transaction() as tx:
            row = await tx.session.get_one(Budget, (campaign["id"], "USD"))
            row.reserved = 30_000
        path, pointer = f"/v1/campaigns/{campaign['id']}", "/referral_program/limits/budget/amount"
        response = await service.put(path, json=_budget(29_999))
        refused(response, 409, "not_allowed_in_state", pointer)
        assert (await made(service.put(path, json=_budget(30_000))))["version"] == 2

    async def test_another_currency_while_nobody_is_referred(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        program = {"limits": {"budget": {"amount": 50_000}}, "referee_reward": None, "tiers": []}
        campaign = await _create(service, program)
        await _edit(service, campaign, _budget(70_000, "EUR"))
        ceilings = {row.currency: row.ceiling for row in await rows(database, Budget)}
        assert ceilings == {"USD": None, "EUR": 70_000}
        await assert_books_agree(database)


class TestDelete:
    async def test_a_campaign_is_deleted_with_its_codes(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        shared = await share(service, {"limits": {"budget": {"amount": 50_000}}})
        answer = await made(service.delete(f"/v1/campaigns/{shared.campaign_id}"))
        assert answer == {"async_action_id": None}
        for table in (Campaign, CampaignVersion, Voucher, Publication, Budget):
            assert await rows(database, table) == []
        await assert_books_agree(database)
        refused(await service.get(f"/v1/campaigns/{shared.campaign_id}"), 404, "resource_not_found")

    async def test_refused_once_somebody_was_referred(self, service: httpx.AsyncClient) -> None:
        shared = await share(service)
        await made(service.post("/v1/events", json=event_body(shared.code)))
        path = f"/v1/campaigns/{shared.campaign_id}"
        refused(await service.delete(path), 409, "not_allowed_in_state")
        assert await made(service.get(path))
