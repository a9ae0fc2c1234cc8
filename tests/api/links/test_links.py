"""Short links over HTTP: where they lead, what they count, the QR code and the texts."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from store.counts.check import check
from store.counts.fold import fold
from store.database import Database
from tests.api.api_bodies import made, refused, share

LANDING = "https://shop.example.com/welcome?from=friend&code={code}"


async def shared(service: httpx.AsyncClient, **campaign: Any) -> Any:
    """A published code of a campaign with a landing address."""
    return await share(service, landing_url=LANDING, **campaign)


async def test_the_link_leads_to_the_campaigns_landing_address(service: httpx.AsyncClient) -> None:
    code = (await shared(service)).code
    answer = await service.get(f"/r/{code}", headers={"X-App-Token": ""})
    assert answer.status_code == 302
    assert answer.headers["location"] == LANDING.replace("{code}", code)


@pytest.mark.parametrize(
    "query", ["?url=https://evil.example", "?next=//evil.example", "/../evil.example", "%0d%0aX: 1"]
)
async def test_what_a_caller_adds_to_the_link_leads_nowhere_else(
    service: httpx.AsyncClient, query: str
) -> None:
    code = (await shared(service)).code
    answer = await service.get(f"/r/{code}{query}")
    assert "evil.example" not in answer.headers.get("location", "")
    assert "x" not in answer.headers


async def test_a_campaign_without_a_landing_address_has_no_links(
    service: httpx.AsyncClient,
) -> None:
    code = (await share(service)).code
    voucher = await made(service.get(f"/v1/vouchers/{code}"))
    assert (voucher["share_url"], voucher["visits"]) == (None, 0)
    for path in (f"/r/{code}", f"/v1/vouchers/{code}/qr", f"/v1/vouchers/{code}/share"):
        refused(await service.get(path), 404, "resource_not_found")
    refused(await service.get("/r/NO-SUCH-CODE"), 404, "resource_not_found")


async def test_visits_are_counted_for_the_code_and_begin_the_funnel(
    service: httpx.AsyncClient, database: Database
) -> None:
    code, campaign = await _code_and_campaign(service)
    await asyncio.gather(*(service.get(f"/r/{code.lower()}") for _ in range(20)))
    ahead = await service.get(f"/r/{code}", headers={"Sec-Purpose": "prefetch;prerender"})
    assert ahead.status_code == 302
    for _ in range(2):
        voucher = await made(service.get(f"/v1/vouchers/{code}"))
        summary = await made(service.get(f"/v1/campaigns/{campaign}/summary"))
        assert (voucher["visits"], summary["funnel"]["visits"]) == (20, 20)
        assert [day["visits"] for day in summary["by_day"]] == [20]
        assert summary["funnel"]["referred"] == 0
        await fold(database)
    assert (await check(database)).different == []


async def test_the_qr_code_is_a_picture_of_the_link(service: httpx.AsyncClient) -> None:
    code = (await shared(service)).code
    png = await service.get(f"/v1/vouchers/{code}/qr")
    assert png.headers["content-type"] == "image/png"
    assert png.content.startswith(b"\x89PNG")
    svg = await service.get(f"/v1/vouchers/{code}/qr?format=svg&scale=3")
    assert svg.headers["content-type"].startswith("image/svg+xml")
    assert b"<svg" in svg.content
    assert b"script" not in svg.content


async def test_the_text_to_share_is_the_campaigns_own(service: httpx.AsyncClient) -> None:
    code = (await shared(service, share_text="Hello, {{ code }} at {{ link }}")).code
    texts = await made(service.get(f"/v1/vouchers/{code}/share"))
    assert texts["text"] == f"Hello, {code} at {texts['share_url']}"
    assert texts["share_url"].endswith(f"/r/{code}")


async def test_a_private_landing_address_is_refused_by_its_field(
    service: httpx.AsyncClient,
) -> None:
    _, campaign = await _code_and_campaign(service)
    body = {"landing_url": "http://169.254.169.254/{code}"}
    answer = await service.put(f"/v1/campaigns/{campaign}", json=body)
    refused(answer, 400, "invalid_payload", "/landing_url")


async def test_a_landing_address_is_changed_and_taken_away(service: httpx.AsyncClient) -> None:
    code, campaign = await _code_and_campaign(service)
    path = f"/v1/campaigns/{campaign}"
    body = {"landing_url": "https://new.example.com/{code}"}
    assert (await made(service.put(path, json=body)))["landing_url"] == body["landing_url"]
    moved = await service.get(f"/r/{code}")
    assert moved.headers["location"] == f"https://new.example.com/{code}"
    assert (await made(service.put(path, json={"unset": ["landing_url"]})))["landing_url"] is None
    refused(await service.get(f"/r/{code}"), 404, "resource_not_found")


async def _code_and_campaign(service: httpx.AsyncClient) -> tuple[str, str]:
    code = (await shared(service)).code
    voucher = await made(service.get(f"/v1/vouchers/{code}"))
    return code, voucher["campaign_id"]
