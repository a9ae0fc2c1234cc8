"""Time windows, audiences and fraud checks over HTTP: who is refused, who is flagged, and why."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from domain.grants import GrantStatus
from store.qualification.qualify import qualify
from store.tables import Grant, RefereeMark, Referral
from tests.api.api_bodies import (
    REDEMPTION,
    Shared,
    campaign_body,
    event_body,
    made,
    person,
    redemption_body,
    refused,
    share,
)
from tests.api.conftest import Module
from tests.builders import number, one, rows, start_of


def weekday(days: int = 0) -> int:
    """Voucherify's number of the weekday so many days from now."""
    return (datetime.now(UTC) + timedelta(days=days)).isoweekday() % 7


def clock(**delta: float) -> str:
    return (datetime.now(UTC) + timedelta(**delta)).strftime("%Y-%m-%dT%H:%M:%SZ")


async def judged(api: Module, shared: Shared, friend: dict[str, Any]) -> dict[str, Any]:
    """The friend's referral, converted and judged, as the API tells it."""
    taken = await made(api.client.post("/v1/events", json=event_body(shared.code, friend)))
    id = taken["referral"]["id"]
    await qualify(api.database, start_of(await one(api.database, Referral, id=id)))
    referral: dict[str, Any] = await made(api.client.get(f"/v1/referrals/{id}"))
    return referral


def verdict_of(referral: dict[str, Any], check: str) -> dict[str, Any]:
    (found,) = [verdict for verdict in referral["verdicts"] if verdict["check"] == check]
    return dict(found)


class TestWindows:
    @pytest.mark.parametrize("days", [0, 2])
    async def test_weekdays(self, module_api: Module, days: int) -> None:
        client = module_api.client
        # The day after, too, for a test that runs over midnight.
        shared = await share(
            client, validity_day_of_week=sorted({weekday(days), weekday(days + 1)})
        )
        event = await client.post("/v1/events", json=event_body(shared.code))
        if days == 0:
            verdict = (await judged(module_api, shared, person()))["verdicts"][0]
            assert (verdict["check"], verdict["passed"]) == ("time_window", True)
            return
        refused(event, 400, "voucher_not_active_now")
        assert event.json()["verdicts"][0]["check"] == "time_window"
        body = {"code": shared.code, "customer": person()}
        refused(await client.post("/v1/referrals", json=body), 400, "voucher_not_active_now")

    @pytest.mark.parametrize("operation", ["/v1/redemptions", "/v1/validations"])
    async def test_a_code_is_redeemed_within_its_hours_only(
        self, module_api: Module, operation: str
    ) -> None:
        client = module_api.client
        hours = {"start_time": "09:00", "expiration_time": "10:00", "days_of_week": [weekday(3)]}
        shared = await share(client, REDEMPTION, validity_hours={"daily": [hours]})
        response = await client.post(operation, json=redemption_body(shared.code))
        if operation == "/v1/redemptions":
            refused(response, 400, "voucher_not_active_now")
        else:
            assert response.json()["valid"] is False

    @pytest.mark.parametrize(("begun_minutes_ago", "status"), [(30, 200), (90, 400)])
    async def test_periods(self, module_api: Module, begun_minutes_ago: int, status: int) -> None:
        shared = await share(
            module_api.client,
            start_date=clock(minutes=-begun_minutes_ago),
            validity_timeframe={"interval": "P1D", "duration": "PT1H"},
        )
        event = await module_api.client.post("/v1/events", json=event_body(shared.code))
        assert event.status_code == status, event.text

    async def test_windows_are_answered_as_they_were_given(self, module_api: Module) -> None:
        hours = {
            "daily": [
                {"start_time": "09:00", "expiration_time": "17:00", "days_of_week": [1, 2]},
                {"start_time": "18:00", "expiration_time": "24:00", "days_of_week": [5]},
            ]
        }
        body = campaign_body(timezone="Europe/Berlin", validity_hours=hours)
        campaign = await made(module_api.client.post("/v1/campaigns", json=body))
        assert (campaign["timezone"], campaign["validity_hours"]) == ("Europe/Berlin", hours)
        change = {"unset": ["validity_hours"], "validity_day_of_week": [1]}
        path = f"/v1/campaigns/{campaign['id']}"
        after = await made(module_api.client.put(path, json=change))
        assert (after["validity_hours"], after["validity_day_of_week"]) == (None, [1])
        assert (after["timezone"], after["version"]) == ("Europe/Berlin", 2)

    @pytest.mark.parametrize(
        "changes",
        [
            {"timezone": "Moon/Crater"},
            {"validity_day_of_week": [7]},
            {"validity_timeframe": {"interval": "P1D", "duration": "PT1H"}},
            {
                "validity_day_of_week": [1],
                "validity_hours": {"daily": [{"start_time": "09:00", "expiration_time": "10:00"}]},
            },
            {"validity_hours": {"daily": [{"start_time": "9am", "expiration_time": "10:00"}]}},
            {"validation_rules": ["val_nobody"]},
            {"referral_program": REDEMPTION | {"fraud": {"same_mail": "flag"}}},
        ],
    )
    async def test_impossible_windows_are_refused(
        self, unchanged: httpx.AsyncClient, changes: dict[str, Any]
    ) -> None:
        response = await unchanged.post("/v1/campaigns", json=campaign_body(**changes))
        assert response.status_code in (400, 404), response.text


class TestAudience:
    async def test_only_they_may_be_friends(self, module_api: Module) -> None:
        client = module_api.client
        audience = {"referees": {"metadata": {"country": {"$in": ["US", "CA"]}}}}
        shared = await share(client, {"audience": audience})
        for country, status in (("US", 200), ("FR", 400)):
            friend = person(metadata={"country": country})
            event = await client.post("/v1/events", json=event_body(shared.code, friend))
            assert event.status_code == status, event.text
        refused(event, 400, "customer_rules_violated")
        assert event.json()["verdicts"][0]["check"] == "audience"

    async def test_only_customers_in_the_audience_may_share(self, module_api: Module) -> None:
        client = module_api.client
        filter = {"metadata.banned": {"conditions": {"$is": [True]}}}
        banned = await made(client.post("/v1/segments", json={"name": "Banned", "filter": filter}))
        audience = {"referrers": {"excluded_segments": [banned["id"]]}}
        body = campaign_body({"audience": audience})
        await made(client.post("/v1/campaigns", json=body))
        publication = {"campaign": {"name": body["name"]}}
        await made(client.post("/v1/publications", json=publication | {"customer": person()}))
        rogue = person(metadata={"banned": True})
        response = await client.post("/v1/publications", json=publication | {"customer": rogue})
        refused(response, 400, "customer_rules_violated")

    async def test_a_listed_segment(self, module_api: Module) -> None:
        client = module_api.client
        vip = await made(client.post("/v1/customers", json=person()))
        listed = {"name": "VIPs", "type": "static", "customers": [vip["id"]]}
        segment = await made(client.post("/v1/segments", json=listed))
        shared = await share(client, {"audience": {"referees": {"segments": [segment["id"]]}}})
        refused(
            await client.post("/v1/events", json=event_body(shared.code)),
            400,
            "customer_rules_violated",
        )
        body = event_body(shared.code, {"source_id": vip["source_id"]})
        await made(client.post("/v1/events", json=body))

    async def test_a_segment_that_nobody_made_is_refused(
        self, unchanged: httpx.AsyncClient
    ) -> None:
        audience = {"referees": {"segments": ["seg_nobody"]}}
        response = await unchanged.post("/v1/campaigns", json=campaign_body({"audience": audience}))
        refused(response, 404, "resource_not_found", "/referral_program/audience/referees")


def home(line: str) -> dict[str, Any]:
    return {"line_1": line, "postal_code": "62701", "city": "Springfield", "country": "US"}


def likes(n: int) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    """What two people can have in common, by check. `n` makes it nobody else's."""
    return [
        ("same_email", {"email": f"b.ob{n}@gmail.com"}, {"email": f"Bob{n}+x@googlemail.com"}),
        ("same_phone", {"phone": f"+1 217 555 {n:04}"}, {"phone": f"+1217555{n:04}"}),
        ("same_address", {"address": home(f"{n} Main St.")}, {"address": home(f"{n} main st")}),
    ]


CHECKS = ["same_email", "same_phone", "same_address"]


class TestFraud:
    @pytest.mark.parametrize("check", CHECKS)
    @pytest.mark.parametrize("response", ["refuse", "flag"])
    async def test_two_friends_who_are_one(
        self, module_api: Module, check: str, response: str
    ) -> None:
        program = {"fraud": {check: response}, "review": "flagged"}
        shared = await share(module_api.client, program)
        first, second = {name: pair for name, *pair in likes(number())}[check]
        honest = await judged(module_api, shared, person(**first))
        verdict = verdict_of(honest, check)
        assert (verdict["passed"], verdict["flagged"]) == (True, False)
        twin = await judged(module_api, shared, person(**second))
        await self._judged_so(module_api, twin, check, response)
        assert "before" in verdict_of(twin, check)["detail"]

    @pytest.mark.parametrize("check", CHECKS)
    @pytest.mark.parametrize("response", ["refuse", "flag"])
    async def test_a_friend_who_is_the_referrer(
        self, module_api: Module, check: str, response: str
    ) -> None:
        program = {"fraud": {check: response}, "review": "flagged"}
        shared = await share(module_api.client, program)
        first, second = {name: pair for name, *pair in likes(number())}[check]
        referrer = {"source_id": shared.referrer["source_id"]} | first
        await made(module_api.client.post("/v1/customers", json=referrer))
        friend = await judged(module_api, shared, person(**second))
        await self._judged_so(module_api, friend, check, response)
        assert "referrer's" in verdict_of(friend, check)["detail"]

    @pytest.mark.parametrize("response", ["refuse", "flag"])
    async def test_a_throw_away_mailbox(self, module_api: Module, response: str) -> None:
        program = {"fraud": {"disposable_email": response}, "review": "flagged"}
        shared = await share(module_api.client, program)
        friend = person(email=f"bob{number()}@mailinator.com")
        referral = await judged(module_api, shared, friend)
        await self._judged_so(module_api, referral, "disposable_email", response)

    @pytest.mark.parametrize("response", ["refuse", "flag"])
    async def test_a_burst(self, module_api: Module, response: str) -> None:
        burst = {"conversions": 2, "within": "PT10M", "response": response}
        program = {"fraud": {"burst": burst}, "review": "flagged"}
        shared = await share(module_api.client, program)
        for count in (1, 2):
            calm = verdict_of(await judged(module_api, shared, person()), "burst")
            assert (calm["passed"], calm["numbers"]["after"]) == (True, count)
        third = await judged(module_api, shared, person())
        await self._judged_so(module_api, third, "burst", response)

    async def _judged_so(
        self, api: Module, referral: dict[str, Any], check: str, response: str
    ) -> None:
        """Refused: rejected, without a grant. Flagged: a person decides about each grant."""
        verdict = verdict_of(referral, check)
        assert verdict["passed"] is (response == "flag")
        assert verdict["flagged"] is (response == "flag")
        assert verdict["detail"] in referral["reason"]
        statuses = [grant["status"] for grant in referral["grants"]]
        if response == "refuse":
            assert (referral["status"], statuses) == ("rejected", [])
            return
        assert referral["status"] == "in_review"
        assert set(statuses) == {GrantStatus.IN_REVIEW}
        grant = await one(api.database, Grant, id=referral["grants"][0]["id"])
        assert grant.review

    async def test_without_a_review_nobody_would_look_and_nothing_is_flagged(
        self, module_api: Module
    ) -> None:
        shared = await share(module_api.client, {"fraud": {"same_phone": "flag"}})
        (_, phone, same) = likes(number())[1]
        await judged(module_api, shared, person(**phone))
        second = await judged(module_api, shared, person(**same))
        assert second["ordinal"] == 2
        assert "same_phone" not in [verdict["check"] for verdict in second["verdicts"]]

    async def test_by_default_one_mailbox_is_one_friend(self, module_api: Module) -> None:
        shared = await share(module_api.client)
        (_, email, same) = likes(number())[0]
        await judged(module_api, shared, person(**email))
        assert (await judged(module_api, shared, person(**same)))["status"] == "rejected"

    async def test_a_rejected_friend_does_not_block_another_with_the_same_mailbox(
        self, module_api: Module
    ) -> None:
        limits = {"budget": {"amount": 3000}}
        program = {"limits": limits, "fraud": {"disposable_email": "refuse"}}
        shared = await share(module_api.client, program)
        email = f"bob{number()}@mailinator.com"
        rejected = await judged(module_api, shared, person(email=email))
        assert rejected["status"] == "rejected"
        assert await rows(module_api.database, RefereeMark, campaign_id=shared.campaign_id) == []
