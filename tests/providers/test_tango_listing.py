"""The list of orders, for reconciliation: a half-open window in UTC, days, pages and the cap."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from domain.money import Money
from domain.orders import OrderState
from providers import tango as adapter
from providers.outcomes import NotSent
from tests.providers.backdating import backdate
from tests.providers.test_tango import opened

NOON = datetime(2026, 10, 31, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture(scope="module")
async def shared(simulator):
    lasting = opened(f"{simulator.url}/tango/raas/v2", account_identifier="unknown")
    yield lasting
    await lasting.close()


@pytest.fixture
def tango(shared, outside):
    return shared


@pytest.fixture
def buy(tango, simulator, request_for):
    """`await buy("gd1g1", at)`: an order of that time."""

    async def place(key, at, **changes):
        await tango.place_order(request_for(key, **({"product_id": "U000001"} | changes)))
        backdate(simulator, key, at)

    return place


@pytest.fixture
def listed(tango):
    async def read(since, until):
        return [told.key async for told in tango.list_orders(since, until)]

    return read


async def test_from_the_first_moment_up_to_the_last(buy, listed):
    for key, at in {
        "before": NOON - timedelta(milliseconds=1),
        "first": NOON,
        "inside": NOON + HOUR,
        "end": NOON + 2 * HOUR,
    }.items():
        await buy(key, at)
    assert await listed(NOON, NOON + 2 * HOUR) == ["inside", "first"]
    assert await listed(NOON - HOUR, NOON) == ["before"]
    assert await listed(NOON + HOUR, NOON + HOUR) == []


async def test_windows_side_by_side_show_each_order_once(buy, listed):
    keys = [f"k{n}" for n in range(12)]
    for n, key in enumerate(keys):
        await buy(key, NOON + n * HOUR / 4)
    seen = [key for n in range(3) for key in await listed(NOON + n * HOUR, NOON + (n + 1) * HOUR)]
    assert sorted(seen) == sorted(keys)


async def test_days_and_pages(buy, listed, monkeypatch):
    """Also over the day that has 25 hours elsewhere: these are UTC."""
    monkeypatch.setattr(adapter, "_BLOCK", 2)
    keys = [f"k{n}" for n in range(9)]
    for n, key in enumerate(keys):
        await buy(key, NOON + n * 6 * HOUR)
    assert sorted(await listed(NOON, NOON + 3 * DAY)) == keys


async def test_a_listing_in_another_time_zone_is_the_same(buy, listed):
    await buy("k1", NOON)
    tokyo = NOON.astimezone(datetime.fromisoformat("2026-01-01T00:00:00+09:00").tzinfo)
    assert await listed(tokyo, tokyo + HOUR) == ["k1"]


async def test_more_than_tango_shows_is_asked_for_in_halves(buy, listed, monkeypatch):
    monkeypatch.setattr(adapter, "_MOST", 3)
    monkeypatch.setattr(adapter, "_BLOCK", 2)
    keys = [f"k{n}" for n in range(10)]
    for n, key in enumerate(keys):
        await buy(key, NOON + n * timedelta(minutes=7))
    assert sorted(await listed(NOON - DAY, NOON + DAY)) == keys


async def test_a_listing_beyond_the_limit_is_refused_instead_of_cut_short(buy, listed, monkeypatch):
    monkeypatch.setattr(adapter, "_MOST", 1)
    for n in range(2):
        await buy(f"k{n}", NOON)
    with pytest.raises(NotSent):
        await listed(NOON, NOON + HOUR)


async def test_a_listed_order_has_its_amount_state_and_time(buy, tango, outside):
    await buy("k1", NOON, product_id="U999999")
    (told,) = [told async for told in tango.list_orders(NOON, NOON + HOUR)]
    assert (told.key, told.state, told.created_at) == ("k1", OrderState.ISSUED, NOON)
    assert told.face == Money(amount=2000, currency="USD")
    assert told.charged == Money(amount=2050, currency="USD")
    assert told.secret is None


async def test_a_book_changed_behind_our_back(buy, tango, outside):
    await buy("k1", NOON)
    change = {"provider": "tango", "add": [{"key": "stranger", "amount": 700, "currency": "USD"}]}
    await outside.post("/_control/tamper", json=change)
    now = datetime.now(UTC)
    found = {told.key: told async for told in tango.list_orders(now - HOUR, now + HOUR)}
    assert list(found) == ["stranger"]
    assert found["stranger"].face == Money(amount=700, currency="USD")


async def test_another_account_is_not_listed(simulator, request_for, listed, outside):
    other = opened(f"{simulator.url}/tango/raas/v2", account_identifier="other")
    await other.place_order(request_for("k1", product_id="U000001"))
    await other.close()
    assert await listed(datetime.now(UTC) - HOUR, datetime.now(UTC) + HOUR) == []
