"""Dates in requests: a day is the whole day on the campaign's clocks, and digits are no time."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from sqlalchemy import text

from store.database import Database
from store.terms import _read as known_terms
from tests.api.api_bodies import campaign_body, event_body, made, refused, share

NEW_YORK = {"timezone": "America/New_York"}


async def _dates(service: httpx.AsyncClient, path: str) -> tuple[str, str]:
    read = await made(service.get(path))
    return read["start_date"], read["expiration_date"]


class TestCampaign:
    async def test_made_for_whole_days_of_its_zone(self, service: httpx.AsyncClient) -> None:
        days = {"start_date": "2031-07-01", "expiration_date": "2031-12-31"}
        campaign = await made(service.post("/v1/campaigns", json=campaign_body(**days, **NEW_YORK)))
        path = f"/v1/campaigns/{campaign['id']}"
        whole = ("2031-07-01T04:00:00Z", "2032-01-01T05:00:00Z")
        assert await _dates(service, path) == whole
        await made(service.put(path, json={"expiration_date": "2031-12-30"}))
        assert (await _dates(service, path))[1] == "2031-12-31T05:00:00Z"

    async def test_an_edit_counts_days_on_the_zone_that_it_sets(
        self, service: httpx.AsyncClient
    ) -> None:
        campaign = await made(service.post("/v1/campaigns", json=campaign_body()))
        path = f"/v1/campaigns/{campaign['id']}"
        change = {"expiration_date": "2031-12-31", "timezone": "Asia/Tokyo"}
        await made(service.put(path, json=change))
        assert (await _dates(service, path))[1] == "2031-12-31T15:00:00Z"

    async def test_one_day_is_a_campaign_of_one_day(self, service: httpx.AsyncClient) -> None:
        days = {"start_date": "2031-07-01", "expiration_date": "2031-07-01"}
        campaign = await made(service.post("/v1/campaigns", json=campaign_body(**days)))
        path = f"/v1/campaigns/{campaign['id']}"
        assert await _dates(service, path) == ("2031-07-01T00:00:00Z", "2031-07-02T00:00:00Z")
        change = {"start_date": "2031-07-02"}
        refused(await service.put(path, json=change), 400, "invalid_payload", "/expiration_date")


class TestCode:
    async def test_its_days_are_on_the_campaigns_clocks(self, service: httpx.AsyncClient) -> None:
        campaign = await made(service.post("/v1/campaigns", json=campaign_body(**NEW_YORK)))
        path = f"/v1/campaigns/{campaign['id']}/vouchers/DAYS"
        days = {"start_date": "2031-07-01", "expiration_date": "2031-07-01"}
        code = await made(service.post(path, json=days))
        assert (code["start_date"], code["expiration_date"]) == (
            "2031-07-01T04:00:00Z",
            "2031-07-02T04:00:00Z",
        )


class TestDigits:
    @pytest.mark.parametrize("digits", ["20261231", 20261231, "1798675200"])
    async def test_are_no_date_of_a_campaign(
        self, unchanged: httpx.AsyncClient, digits: Any
    ) -> None:
        answer = await unchanged.post("/v1/campaigns", json=campaign_body(expiration_date=digits))
        refused(answer, 400, "invalid_payload", "/expiration_date")

    @pytest.mark.parametrize("digits", ["19901231", 0, "0"])
    async def test_are_no_birthdate(self, unchanged: httpx.AsyncClient, digits: Any) -> None:
        body = {"source_id": "jane", "birthdate": digits}
        refused(await unchanged.post("/v1/customers", json=body), 400, "invalid_payload")

    @pytest.mark.parametrize(
        "path",
        [
            "/v1/ledger/balances?at=20261231",
            "/v1/ledger/transactions?from=20261231",
            "/v1/customers?created_at[after]=20261231",
            "/v1/gift-card-orders?to=1798675200",
            "/v1/async-actions?end_date=20261231",
        ],
    )
    async def test_are_no_moment_to_ask_for(self, admin: httpx.AsyncClient, path: str) -> None:
        answer = await admin.get(path)
        refused(answer, 400, "invalid_payload")
        assert "2026-12-31T23:59:00Z" in answer.json()["detail"]


class TestRules:
    async def test_a_new_campaigns_dates_are_whole_days_and_an_old_ones_stay_moments(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        asked = {"name": "custom_event.metadata", "property": "at", "conditions": {}}
        asked["conditions"] = {"$after": ["2026-12-31"]}
        body = {"name": "after the year", "rules": {"1": asked, "logic": "1"}}
        rule = await made(service.post("/v1/validation-rules", json=body))
        shared = await share(service, timezone="America/New_York", validation_rules=[rule["id"]])
        late = {"at": "2026-12-31T23:00:00-05:00"}
        event = event_body(shared.code, metadata=late)
        refused(await service.post("/v1/events", json=event), 400, "redemption_rules_violated")
        async with database.engine.begin() as connection:
            forget = "UPDATE campaign_versions SET terms = terms - 'whole_days'"
            await connection.execute(text(forget))
        known_terms.clear()
        await made(service.post("/v1/events", json=event))
