"""Lists longer than is counted: their total is an estimate that says so and never contradicts."""

from __future__ import annotations

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import text

from store.database import Database
from store.lists.pages import EXACT
from tests.api.api_bodies import made, share

_CODES = text("""
INSERT INTO vouchers (id, code, campaign_id, active, published, redeemed_quantity, attributes,
    created_at)
SELECT 'v_' || lpad(n::text, 26, '0'), 'LONG-' || n, :campaign, true, false, 0, '{}', now()
FROM generate_series(1, :count) n""")


async def add(database: Database, campaign_id: str, count: int) -> None:
    async with database.transaction() as tx:
        await tx.session.execute(_CODES, {"campaign": campaign_id, "count": count})
    async with database.transaction() as tx:
        await tx.session.execute(text("ANALYZE vouchers"))


@pytest_asyncio.fixture
async def path(service: httpx.AsyncClient) -> str:
    """The codes of a campaign that has one."""
    return f"/v1/campaigns/{(await share(service)).campaign_id}/vouchers"


async def test_ten_thousand_are_counted(
    service: httpx.AsyncClient, database: Database, path: str
) -> None:
    await add(database, path.split("/")[3], EXACT - 1)
    listed = await made(service.get(path))
    assert (listed["total"], listed["total_exact"], listed["has_more"]) == (EXACT, True, True)


async def test_more_are_an_estimate_that_never_contradicts_the_page(
    service: httpx.AsyncClient, database: Database, path: str
) -> None:
    await add(database, path.split("/")[3], 12_000)
    listed = await made(service.get(path))
    assert (listed["total_exact"], listed["has_more"]) == (False, True)
    assert 10_000 < listed["total"] < 15_000
    last = await made(service.get(path, params={"limit": 100, "page": 121}))
    assert [last[name] for name in ("total", "total_exact", "has_more")] == [12_001, True, False]
    assert len(last["data"]) == 1
    beyond = await made(service.get(path, params={"limit": 100, "page": 130}))
    assert (beyond["data"], beyond["has_more"]) == ([], False)
    assert beyond["total"] <= 12_900


@pytest.mark.parametrize("order", ["created_at", "-created_at", "updated_at"])
async def test_every_page_goes_on_where_the_one_before_ended(
    service: httpx.AsyncClient, database: Database, path: str, order: str
) -> None:
    await add(database, path.split("/")[3], 450)
    by_number, by_place, after = [], [], None
    for number in range(1, 6):
        asked = {"limit": 100, "order": order}
        page = await made(service.get("/v1/vouchers", params=asked | {"page": number}))
        by_number += [one["id"] for one in page["data"]]
        further = asked | ({"starting_after_id": after} if after else {})
        page = await made(service.get("/v1/vouchers", params=further))
        by_place += [one["id"] for one in page["data"]]
        after = by_place[-1]
        assert page["total"] == 451
    assert by_number == by_place
    assert len(set(by_number)) == 451
