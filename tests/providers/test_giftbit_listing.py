"""The list of rewards, for reconciliation: a half-open window in UTC over dates in Pacific time
that come without their offset, on ordinary days and on those when clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from domain.money import Money
from domain.orders import OrderState, RedemptionState
from providers import giftbit as adapter
from tests.providers.backdating import backdate
from tests.providers.test_giftbit import opened
from tests.simulator.simulator_process import eventually

NOON = datetime(2026, 6, 15, 19, tzinfo=UTC)
SPRING = datetime(2026, 3, 8, 10, tzinfo=UTC)
"""02:00 Pacific: clocks go on to 03:00."""
AUTUMN = datetime(2026, 11, 1, 9, tzinfo=UTC)
"""02:00 Pacific: clocks go back to 01:00, and the hour before it happens again."""
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


@pytest.fixture(scope="module")
async def shared(simulator):
    lasting = opened(f"{simulator.url}/giftbit/papi/v1")
    yield lasting
    await lasting.close()


@pytest.fixture
def giftbit(shared, outside):
    return shared


@pytest.fixture
def buy(giftbit, simulator, request_for, control):
    """`await buy("gd1g1", at)`: a reward of that time."""

    async def place(key, at, **changes):
        await control("delivery", provider="giftbit", seconds=0)
        wanted = request_for(key, **({"product_id": "amazonus"} | changes))
        placed = await giftbit.place_order(wanted)

        async def issued():
            shown = await giftbit.get_order(placed.provider_order_id, "USD")
            return shown.state is OrderState.ISSUED

        await eventually(issued)
        backdate(simulator, key, at)
        return placed

    return place


@pytest.fixture
def listed(giftbit):
    async def read(since, until):
        return [told.key async for told in giftbit.list_orders(since, until)]

    return read


async def test_from_the_first_moment_up_to_the_last(buy, listed):
    second = timedelta(seconds=1)
    for key, at in {
        "before": NOON - second,
        "first": NOON,
        "inside": NOON + HOUR,
        "end": NOON + 2 * HOUR,
    }.items():
        await buy(key, at)
    assert await listed(NOON, NOON + 2 * HOUR) == ["inside", "first"]
    assert await listed(NOON - HOUR, NOON) == ["before"]
    assert await listed(NOON + HOUR, NOON + HOUR) == []


@pytest.mark.parametrize("change", [SPRING, AUTUMN])
@pytest.mark.parametrize("width", [HOUR, 3 * HOUR, 20 * MINUTE])
async def test_when_clocks_change_each_reward_is_in_exactly_one_window(buy, listed, change, width):
    times = {f"k{n}": change + n * 30 * MINUTE + 10 * MINUTE for n in range(-4, 5)}
    for key, at in times.items():
        await buy(key, at)
    start, seen = change - 6 * HOUR, []
    while start < change + 6 * HOUR:
        seen += await listed(start, start + width)
        start += width
    assert sorted(seen) == sorted(times)


async def test_in_spring_every_time_is_true(buy, giftbit):
    times = {f"k{n}": SPRING + n * 30 * MINUTE for n in range(-4, 5)}
    for key, at in times.items():
        await buy(key, at)
    found = giftbit.list_orders(SPRING - 6 * HOUR, SPRING + 6 * HOUR)
    assert {told.key: told.created_at async for told in found} == times


async def test_in_autumn_the_second_hour_counts_as_the_first(buy, giftbit):
    """An hour off, never lost: a reconciliation that looks an hour beyond its day finds it."""
    times = {f"k{n}": AUTUMN + n * 30 * MINUTE for n in range(-4, 5)}
    for key, at in times.items():
        await buy(key, at)
    found = giftbit.list_orders(AUTUMN - 6 * HOUR, AUTUMN + 6 * HOUR)
    told = {snapshot.key: snapshot.created_at async for snapshot in found}
    twice = {key for key, at in times.items() if AUTUMN <= at < AUTUMN + HOUR}
    assert {key: at - (HOUR if key in twice else 0 * HOUR) for key, at in times.items()} == told


async def test_pages_show_each_reward_once(buy, listed, monkeypatch):
    monkeypatch.setattr(adapter, "_PAGE", 2)
    keys = [f"k{n}" for n in range(7)]
    for n, key in enumerate(keys):
        await buy(key, NOON + n * MINUTE)
    assert sorted(await listed(NOON, NOON + HOUR)) == keys


async def test_a_listed_reward_has_its_amount_state_and_time(buy, giftbit):
    face = Money(amount=1000, currency="CAD")
    placed = await buy("k1", NOON, product_id="itunesca", face=face)
    (told,) = [told async for told in giftbit.list_orders(NOON, NOON + HOUR)]
    assert (told.provider_order_id, told.key) == (placed.provider_order_id, "k1")
    assert (told.face, told.charged, told.created_at) == (face, None, NOON)
    assert (told.state, told.redemption) == (OrderState.ISSUED, RedemptionState.UNREDEEMED)
    assert told.raw_status == "DELIVERED, SENT_AND_REDEEMABLE"


async def test_a_withdrawn_reward(buy, giftbit):
    placed = await buy("k1", NOON)
    await giftbit.cancel(placed.provider_order_id)
    (told,) = [told async for told in giftbit.list_orders(NOON, NOON + HOUR)]
    assert told.state is OrderState.CANCELLED


async def test_a_book_changed_behind_our_back(buy, giftbit, outside):
    await buy("k1", NOON)
    change = {
        "provider": "giftbit",
        "change": [{"key": "k1", "amount": 2100}],
        "add": [{"key": "stranger", "amount": 700, "currency": "USD"}],
    }
    await outside.post("/_control/tamper", json=change)
    (told,) = [told async for told in giftbit.list_orders(NOON, NOON + HOUR)]
    assert told.face == Money(amount=2100, currency="USD")
    now = datetime.now(UTC)
    (told,) = [told async for told in giftbit.list_orders(now - HOUR, now + HOUR)]
    assert (told.key, told.face) == ("stranger", Money(amount=700, currency="USD"))


async def test_an_order_that_waits_for_funds_is_no_reward(giftbit, request_for, control, listed):
    await control("funds", provider="giftbit", amount=0)
    await giftbit.place_order(request_for("k1", product_id="amazonus"))
    assert await listed(datetime.now(UTC) - HOUR, datetime.now(UTC) + HOUR) == []
