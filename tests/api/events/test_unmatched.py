"""An event that converts nothing says why, in its answer and in the customer's activity."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from domain.messages import Expiry
from domain.referrals import ReferralStatus
from store.database import Database, now
from store.outbox.enqueue import start_of
from store.qualification.qualify import qualify
from store.referrals.expire import expire
from store.tables import Campaign, Event, Grant, Intake, Referral
from tests.api.api_bodies import REDEMPTION, Shared, event_body, made, person, refused, share
from tests.builders import EVENT, alter, in_past, one, rows

DAY = timedelta(days=1)


async def told(client: httpx.AsyncClient, body: dict[str, Any]) -> str:
    """The one warning of an event that converted nothing; its activity says the same."""
    answer = await made(client.post("/v1/events", json=body))
    (warning,) = answer["warnings"]
    assert warning["pointer"] == "/event"
    path = f"/v1/customers/{answer['customer']['id']}/activity"
    (line,) = [
        each
        for each in (await made(client.get(path, params={"type": "customer.custom_event"})))["data"]
    ]
    assert line["data"]["title"] == "An event converted nothing"
    assert warning["message"] in line["data"]["detail"]
    return str(warning["message"])


class TestNothingConverts:
    async def test_a_misspelt_name_with_a_code(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        shared = await share(service)
        said = await told(service, event_body(shared.code, event="first_purchse"))
        assert said == f"This code's campaign waits for `{EVENT}`, not for `first_purchse`."
        assert await rows(database, Referral) == []

    async def test_a_misspelt_name_without_a_code(self, service: httpx.AsyncClient) -> None:
        shared, friend = await share(service), person()
        await made(
            service.post("/v1/referrals", json={"code": shared.code, "customer": friend}), 201
        )
        said = await told(service, event_body(None, friend, event="purchase"))
        assert said == f"This customer's referral waits for `{EVENT}`, not for `purchase`."

    async def test_a_customer_whom_nobody_referred(self, service: httpx.AsyncClient) -> None:
        await share(service)
        assert await told(service, event_body(None)) == "Nobody has referred this customer."

    async def test_a_campaign_that_waits_for_a_redemption(self, service: httpx.AsyncClient) -> None:
        shared = await share(service, REDEMPTION)
        assert "waits for the code to be redeemed" in await told(service, event_body(shared.code))

    async def test_a_member_that_nobody_knows(self, service: httpx.AsyncClient) -> None:
        shared = await share(service)
        body = event_body(None) | {"referal": {"code": shared.code}}
        answer = await made(service.post("/v1/events", json=body))
        assert [warning["pointer"] for warning in answer["warnings"]] == ["/referal", "/event"]

    async def test_one_that_converts_says_nothing(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        shared = await share(service)
        answer = await made(service.post("/v1/events", json=event_body(shared.code)))
        assert answer["warnings"] == []
        assert await rows(database, Event, type="event.unmatched") == []


async def expired(
    service: httpx.AsyncClient, database: Database, shared: Shared, friend: dict[str, Any]
) -> Referral:
    """A referral whose window ended yesterday, and its workflow with it."""
    body = {"code": shared.code, "customer": friend}
    await made(service.post("/v1/referrals", json=body), 201)
    waiting = await one(database, Referral)
    await alter(database, waiting, created_at=in_past(days=30), expires_at=now() - DAY)
    waiting = await one(database, Referral)
    assert await expire(database, start_of(waiting)) == Expiry(expired=True)
    return await one(database, Referral)


def bought(days: float, code: str | None, friend: dict[str, Any]) -> dict[str, Any]:
    return event_body(code, friend, occurred_at=(now() - days * DAY).isoformat())


@pytest.mark.parametrize("named", [True, False])
class TestToldLate:
    async def test_a_purchase_in_time_reopens_and_is_judged_by_its_own_time(
        self, service: httpx.AsyncClient, database: Database, named: bool
    ) -> None:
        shared, friend = await share(service), person()
        await expired(service, database, shared, friend)
        body = bought(2, shared.code if named else None, friend)
        answer = await made(service.post("/v1/events", json=body))
        assert (answer["referral"]["status"], answer["warnings"]) == ("converted", [])
        referral = await one(database, Referral)
        assert (referral.status, referral.reason) == (ReferralStatus.CONVERTED, None)
        assert (await qualify(database, start_of(referral))).qualified
        judged = await one(database, Referral)
        (verdict,) = [one for one in judged.verdicts if one["check"] == "attribution_window"]
        assert verdict["passed"]
        assert "Bought on" in verdict["detail"]
        assert "told of on" in verdict["detail"]
        assert "occurred_at" in verdict["numbers"]
        assert len(await rows(database, Grant)) == 2
        assert len([each for each in await rows(database, Intake) if each.conversion]) == 1

    async def test_a_purchase_after_the_window_does_not(
        self, service: httpx.AsyncClient, database: Database, named: bool
    ) -> None:
        shared, friend = await share(service), person()
        await expired(service, database, shared, friend)
        code = shared.code if named else None
        for body in (bought(0.5, code, friend), event_body(code, friend)):
            answer = await made(service.post("/v1/events", json=body))
            (warning,) = answer["warnings"]
            assert "expired on" in warning["message"]
            assert "occurred_at" in warning["message"]
        assert (await one(database, Referral)).status == ReferralStatus.EXPIRED
        assert len(await rows(database, Event, type="event.unmatched")) == 2


class TestItsTime:
    async def test_decides_the_campaigns_end(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        shared = await share(service)
        campaign = await one(database, Campaign)
        await alter(database, campaign, expiration_date=now() - DAY)
        late = event_body(shared.code)
        refused(await service.post("/v1/events", json=late), 400, "campaign_not_live")
        answer = await made(service.post("/v1/events", json=bought(2, shared.code, person())))
        assert answer["referral"]["status"] == "converted"

    async def test_decides_nothing_else(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        """The hold begins when it was told."""
        shared = await share(service, {"hold": "P14D"})
        await made(service.post("/v1/events", json=bought(2, shared.code, person())))
        referral = await one(database, Referral)
        assert referral.converted_at is not None
        assert now() - referral.converted_at < timedelta(minutes=5)
        await qualify(database, start_of(referral))
        for grant in await rows(database, Grant):
            assert grant.due_at == referral.converted_at + 14 * DAY

    @pytest.mark.parametrize("days", [-1, -0.01, 7.01, 400])
    async def test_is_at_most_a_week_back_and_never_ahead(
        self, service: httpx.AsyncClient, database: Database, days: float
    ) -> None:
        shared = await share(service)
        answer = await service.post("/v1/events", json=bought(days, shared.code, person()))
        refused(answer, 400, "invalid_payload", "/occurred_at")
        assert await rows(database, Referral) == []

    async def test_the_time_of_a_repeat_changes_nothing(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        shared, friend = await share(service), person()
        await made(service.post("/v1/events", json=event_body(shared.code, friend)))
        before = await one(database, Referral)
        await made(service.post("/v1/events", json=bought(2, shared.code, friend)))
        assert (await one(database, Referral)).conversion == before.conversion
