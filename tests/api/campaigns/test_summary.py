"""A campaign in figures."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
from voucherify.models.campaigns_summary_get_response_body import CampaignsSummaryGetResponseBody

from domain.messages import ReferralStart
from store.database import Database
from store.qualification.qualify import qualify
from store.tables import Referral
from tests.api.api_bodies import (
    card,
    event_body,
    made,
    person,
    redemption_body,
    refused,
    share,
    tier,
)
from tests.builders import rows

BUDGET = {"limits": {"budget": {"amount": 10_000, "currency": "USD"}}}


async def test_the_funnel_money_and_referrers(
    service: httpx.AsyncClient, database: Database
) -> None:
    shared = await share(service, BUDGET | {"tiers": [tier(card(500))], "referee_reward": None})
    for _ in range(2):
        await made(service.post("/v1/events", json=event_body(shared.code)))
    for referral in await rows(database, Referral):
        start = ReferralStart(
            referral_id=referral.id,
            campaign_id=referral.campaign_id,
            referrer_id=referral.referrer_id,
            referee_id=referral.referee_id,
            expires_at=referral.expires_at,
        )
        await qualify(database, start)
    waiting = {"code": shared.code, "customer": person()}
    await made(service.post("/v1/referrals", json=waiting), 201)
    read = await made(service.get(f"/v1/campaigns/{shared.campaign_id}/summary"))
    funnel = {name: count for name, count in read["funnel"].items() if count}
    assert funnel == {"referred": 3, "converted": 2, "qualified": 2, "waiting": 1}
    assert read["referred_customers"] == 3
    assert read["spend"] == [
        {
            "currency": "USD",
            "ceiling": 10_000,
            "reserved": 1000,
            "committed": 0,
            "delivered": 0,
            "liability": 1000,
        }
    ]
    (top,) = read["top_referrers"]
    assert (top["source_id"], top["referred"]) == (shared.referrer["source_id"], 3)
    (day,) = read["by_day"]
    assert (day["day"], day["referred"]) == (datetime.now(UTC).date().isoformat(), 3)
    assert CampaignsSummaryGetResponseBody.from_dict(read) is not None


async def test_uses_within_a_period(service: httpx.AsyncClient) -> None:
    program = {"conversion_event_type": "redemption", "custom_event": None}
    shared = await share(service, program)
    body = redemption_body(shared.code, order={"amount": 4000})
    redemption = await made(service.post("/v1/redemptions", json=body))
    path = f"/v1/campaigns/{shared.campaign}/summary"
    today = datetime.now(UTC).date()
    read = await made(service.get(f"{path}?start_date={today}&end_date={today}"))
    assert (read["redemptions_succeeded"], read["orders_amount"]) == (1, 4000)
    assert read["discounted_amount"] == 400
    later = today + timedelta(days=2)
    assert (await made(service.get(f"{path}?start_date={later}")))["redemptions"] == 0
    await made(service.post(f"/v1/redemptions/{redemption['redemptions'][0]['id']}/rollback"))
    read = await made(service.get(path))
    assert (read["rollbacks"], read["orders_rolledback_amount"]) == (1, 3600)


async def test_names_are_masked_for_finance(
    service: httpx.AsyncClient, finance: httpx.AsyncClient
) -> None:
    shared = await share(service)
    await made(service.post("/v1/events", json=event_body(shared.code)))
    read = await made(finance.get(f"/v1/campaigns/{shared.campaign_id}/summary"))
    assert read["top_referrers"][0]["name"] == "J…"


async def test_refusals(unchanged: httpx.AsyncClient) -> None:
    refused(await unchanged.get("/v1/campaigns/none/summary"), 404, "resource_not_found")
    answer = await unchanged.get("/v1/campaigns/none/summary?start_date=yesterday")
    refused(answer, 400, "invalid_payload")


async def test_publications_that_were_refused_are_counted(service: httpx.AsyncClient) -> None:
    shared = await share(service, type="STATIC", vouchers_count=1)  # the one code is given out
    body = {"campaign": {"name": shared.campaign}, "customer": person()}
    refused(
        await service.post("/v1/publications", json=body),
        400,
        "no_voucher_suitable_for_publication",
    )
    read = await made(service.get(f"/v1/campaigns/{shared.campaign_id}/summary"))
    counts = [read["publications" + which] for which in ("", "_succeeded", "_failed")]
    assert counts == [2, 1, 1]
