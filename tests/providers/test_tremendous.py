"""The Tremendous adapter against the simulator, over real HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import traceback
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.money import Money
from domain.orders import DeliveryState, OrderRequest, OrderState
from domain.rewards import Delivery
from providers.outcomes import (
    InsufficientFunds,
    KeyConflict,
    NotSent,
    OrderRejected,
    OutcomeUnknown,
    ProviderError,
    ProviderMisconfigured,
    RateLimited,
)
from providers.tremendous import Tremendous, TremendousSettings
from providers.webhooks import WebhookRefused
from tests.simulator.simulator_process import Receiver, SimulatorProcess, eventually, free_port

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
async def tremendous(simulator: SimulatorProcess, outside: Any) -> AsyncIterator[Tremendous]:
    settings = TremendousSettings(url=f"{simulator.url}/tremendous", api_key="TEST_key")
    adapter = Tremendous(settings, within=1)
    yield adapter
    await adapter.close()


@pytest.fixture
def wanted(request_for: Callable[..., OrderRequest]) -> Callable[..., OrderRequest]:
    """`wanted("key", face=...)`: Tremendous' own 20-dollar product by e-mail."""
    return lambda key="gd1g1", **changes: request_for(
        key, **({"product_id": "OKMHM2X2OHYV"} | changes)
    )


class TestPlace:
    async def test_new(self, tremendous, wanted, book):
        order = await tremendous.place_order(wanted())
        assert (order.state, order.delivery) == (OrderState.ISSUED, DeliveryState.PENDING)
        assert (order.key, order.raw_status, order.recognised) == (
            "gd1g1",
            "EXECUTED/PENDING",
            True,
        )
        assert order.face == order.charged == Money(amount=2000, currency="USD")
        assert order.created_at is not None
        assert order.secret is None
        (card,) = await book("tremendous")
        assert (card["key"], card["amount"]) == ("gd1g1", 2000)

    async def test_repeated_is_a_201_and_the_same_order(self, tremendous, wanted, book):
        first = await tremendous.place_order(wanted())
        again = await tremendous.place_order(wanted())
        assert again.provider_order_id == first.provider_order_id
        assert len(await book("tremendous")) == 1

    async def test_the_key_with_other_contents(self, tremendous, wanted, book):
        await tremendous.place_order(wanted())
        with pytest.raises(KeyConflict):
            await tremendous.place_order(wanted(face=Money(amount=2100, currency="USD")))
        assert len(await book("tremendous")) == 1

    async def test_the_fee_is_in_the_charge(self, tremendous, wanted):
        order = await tremendous.place_order(wanted(product_id="Q24BD9EZ332J"))
        assert order.face == Money(amount=2000, currency="USD")
        assert order.charged == Money(amount=2150, currency="USD")

    async def test_a_card_in_another_currency(self, tremendous, wanted):
        euros = Money(amount=1000, currency="EUR")
        order = await tremendous.place_order(wanted(product_id="ZALANDODE001", face=euros))
        assert order.face == euros
        assert order.charged is not None
        assert order.charged.currency == "USD"

    async def test_by_phone(self, tremendous, wanted, book):
        order = await tremendous.place_order(wanted(delivery=Delivery.SMS))
        assert order.state is OrderState.ISSUED
        assert len(await book("tremendous")) == 1

    async def test_a_link_comes_with_the_answer_and_a_fresh_one_with_a_repeat(
        self, tremendous, wanted, book
    ):
        first = await tremendous.place_order(wanted(delivery=Delivery.LINK))
        assert first.delivery is DeliveryState.NOT_APPLICABLE
        assert first.secret.link.startswith("https://")
        again = await tremendous.place_order(wanted(delivery=Delivery.LINK))
        assert again.delivery is DeliveryState.NOT_APPLICABLE
        assert again.secret.link not in ("", first.secret.link)
        assert len(await book("tremendous")) == 1
        assert first.secret.link not in repr(first)

    async def test_approval_keeps_it_pending_and_then_a_link_is_still_owed(
        self, tremendous, wanted, control
    ):
        await control("delivery", outcome="PENDING APPROVAL", seconds=0)
        order = await tremendous.place_order(wanted(delivery=Delivery.LINK))
        assert (order.state, order.recognised) == (OrderState.PENDING, True)
        assert order.raw_status.startswith("PENDING APPROVAL")
        await control("delivery", seconds=0)

        async def approved():
            seen = await tremendous.get_order(order.provider_order_id, "USD")
            return seen if seen.state is OrderState.ISSUED else None

        seen = await eventually(approved)
        assert (seen.delivery, seen.secret) == (DeliveryState.PENDING, None)
        assert (await tremendous.fresh_link(order.provider_order_id)).link

    async def test_a_status_word_never_seen_is_pending(self, tremendous, wanted, control):
        await control("delivery", outcome="PENDING LUNAR PHASE", seconds=0)
        order = await tremendous.place_order(wanted())
        assert (order.state, order.recognised) == (OrderState.PENDING, False)
        assert order.raw_status.startswith("PENDING LUNAR PHASE")

    async def test_unfunded_and_then_funded_under_the_same_key(
        self, tremendous, wanted, control, book
    ):
        await control("funds", provider="tremendous", amount=1999)
        with pytest.raises(InsufficientFunds):
            await tremendous.place_order(wanted())
        await control("funds", provider="tremendous", amount=2000)
        assert (await tremendous.place_order(wanted())).state is OrderState.ISSUED
        assert len(await book("tremendous")) == 1

    @pytest.mark.parametrize("status", [401, 403])
    async def test_bad_credentials(self, tremendous, wanted, control, book, status):
        await control("credentials", provider="tremendous", accept=False, status=status)
        with pytest.raises(ProviderMisconfigured):
            await tremendous.place_order(wanted())
        await control("credentials", provider="tremendous", accept=True)
        assert await book("tremendous") == []

    async def test_too_many_requests(self, tremendous, wanted, control, book):
        await control("rate", provider="tremendous", per_second=1)
        await _exhaust(tremendous)
        with pytest.raises(RateLimited) as refused:
            await tremendous.place_order(wanted())
        assert refused.value.retry_after == timedelta(seconds=1)
        await control("rate", provider="tremendous", per_second=None)
        assert await book("tremendous") == []

    async def test_a_product_that_does_not_exist(self, tremendous, wanted, book):
        with pytest.raises(OrderRejected, match=r"400.*product"):
            await tremendous.place_order(wanted(product_id="NOPE"))
        assert await book("tremendous") == []

    async def test_plastic_is_refused_before_anything_is_sent(self, tremendous, wanted, outside):
        with pytest.raises(OrderRejected):
            await tremendous.place_order(wanted(delivery=Delivery.POST))
        assert (await outside.get("/_control/stats")).json()["tremendous"]["attempted"] == 0

    async def test_a_refused_connection_means_not_sent(self, wanted):
        settings = TremendousSettings(url=f"http://127.0.0.1:{free_port()}", api_key="key")
        adapter = Tremendous(settings, within=1)
        with pytest.raises(NotSent):
            await adapter.place_order(wanted())
        await adapter.close()

    @pytest.mark.parametrize(
        "fault", ["drop_before", "error_before", "drop_after", "error_after", "slow", "garbage"]
    )
    @pytest.mark.parametrize("delivery", [Delivery.EMAIL, Delivery.LINK])
    async def test_a_fault_leaves_it_unknown_and_a_repeat_resolves_it(
        self, tremendous, wanted, control, book, fault, delivery
    ):
        await control("faults", provider="tremendous", seed=1, rates={fault: 1})
        with pytest.raises(OutcomeUnknown) as unknown:
            await tremendous.place_order(wanted(delivery=delivery))
        _tells_nothing_private(unknown.value)
        await control("faults", provider="tremendous", seed=1, rates={})
        order = await tremendous.place_order(wanted(delivery=delivery))
        assert order.state is OrderState.ISSUED
        assert bool(order.secret) == (delivery is Delivery.LINK)
        (card,) = await book("tremendous")
        assert card["provider_order_id"] == order.provider_order_id


class TestRead:
    async def test_one(self, tremendous, wanted):
        placed = await tremendous.place_order(wanted())
        seen = await tremendous.get_order(placed.provider_order_id, "USD")
        assert (seen.state, seen.key) == (OrderState.ISSUED, "gd1g1")

    @pytest.mark.parametrize("order_id", ["NOPE", "../balance", "a/b?c"])
    async def test_one_that_is_not_there(self, tremendous, order_id):
        with pytest.raises(NotSent):
            await tremendous.get_order(order_id, "USD")

    async def test_found_by_key(self, tremendous, wanted, outside):
        assert await tremendous.find_order("gd1g1", "USD", not_before=LONG_AGO) == []
        placed = await tremendous.place_order(wanted())
        await tremendous.place_order(wanted("gd2g1"))
        (found,) = await tremendous.find_order("gd1g1", "USD", not_before=LONG_AGO)
        assert found.provider_order_id == placed.provider_order_id
        twin = {"key": "gd1g1", "amount": 2000, "currency": "USD"}
        await outside.post("/_control/tamper", json={"provider": "tremendous", "add": [twin]})
        assert len(await tremendous.find_order("gd1g1", "USD", not_before=LONG_AGO)) == 2

    async def test_a_read_at_the_wrong_credential(self, tremendous, control):
        await control("credentials", provider="tremendous", accept=False, status=401)
        with pytest.raises(ProviderMisconfigured):
            await tremendous.find_order("gd1g1", "USD", not_before=LONG_AGO)
        await control("credentials", provider="tremendous", accept=True)

    async def test_the_order_of_a_reward(self, tremendous, wanted):
        placed = await tremendous.place_order(wanted())
        reward_id = "R" + placed.provider_order_id[1:]
        assert await tremendous.order_id_of(reward_id) == placed.provider_order_id
        with pytest.raises(NotSent):
            await tremendous.order_id_of("NOPE")

    async def test_products(self, tremendous):
        by_id = {product.id: product async for product in tremendous.products()}
        ranged, fixed = by_id["OKMHM2X2OHYV"], by_id["FIXEDCARD001"]
        assert (ranged.smallest.amount, ranged.largest.amount) == (100, 50000)
        assert [value.amount for value in fixed.fixed] == [1000, 2500]
        assert (fixed.smallest, fixed.largest) == (None, None)
        assert by_id["ZALANDODE001"].currency == "EUR"
        assert ranged.deliveries == {Delivery.EMAIL, Delivery.SMS, Delivery.LINK}


class TestList:
    async def test_the_window_is_half_open(self, tremendous, wanted):
        placed = []
        for n in range(3):
            placed.append(await tremendous.place_order(wanted(f"gd{n}g1")))
            await asyncio.sleep(0.005)
        middle = placed[1].created_at
        after = [o.key async for o in tremendous.list_orders(middle, middle + timedelta(days=1))]
        before = [o.key async for o in tremendous.list_orders(LONG_AGO, middle)]
        assert (after, before) == (["gd2g1", "gd1g1"], ["gd0g1"])

    async def test_pages_while_orders_come_in(self, tremendous, outside):
        async def add(keys):
            rows = [{"key": key, "amount": 500, "currency": "USD"} for key in keys]
            await outside.post("/_control/tamper", json={"provider": "tremendous", "add": rows})

        known = [f"gd{n}g1" for n in range(1100)]
        await add(known)
        tomorrow = datetime.now(UTC) + timedelta(days=1)
        listed = []
        async for order in tremendous.list_orders(LONG_AGO, tomorrow):
            if len(listed) in (1, 600):
                await add([f"late{len(listed)}x{n}" for n in range(3)])
            listed.append(order.key)
        assert sorted(key for key in listed if key.startswith("gd")) == sorted(known)
        assert len(listed) == len(set(listed))


class TestDelivery:
    async def _settled(self, tremendous, order, delivery):
        async def reached():
            seen = await tremendous.get_order(order.provider_order_id, "USD")
            return seen if seen.delivery is delivery else None

        return await eventually(reached)

    async def test_delivered(self, tremendous, wanted, control):
        await control("delivery", seconds=0)
        order = await tremendous.place_order(wanted())
        seen = await self._settled(tremendous, order, DeliveryState.DELIVERED)
        assert seen.raw_status == "EXECUTED/SUCCEEDED"

    async def test_a_bounce_is_resent_to_a_corrected_address(
        self, tremendous, wanted, control, book
    ):
        await control("delivery", seconds=0, outcome="bounced")
        order = await tremendous.place_order(wanted())
        await self._settled(tremendous, order, DeliveryState.FAILED_RETRYABLE)
        await control("delivery", seconds=0)
        await tremendous.resend(order.provider_order_id, "new@example.com")
        await self._settled(tremendous, order, DeliveryState.DELIVERED)
        with pytest.raises(OrderRejected, match="422") as refused:
            await tremendous.resend(order.provider_order_id, None)
        _tells_nothing_private(refused.value)
        assert len(await book("tremendous")) == 1

    async def test_a_delivered_reward_is_not_cancelled(self, tremendous, wanted, control):
        await control("delivery", seconds=0)
        order = await tremendous.place_order(wanted())
        await self._settled(tremendous, order, DeliveryState.DELIVERED)
        assert await tremendous.cancel(order.provider_order_id) is False

    async def test_a_failed_reward_is_cancelled_once(self, tremendous, wanted, control, book):
        await control("delivery", seconds=0, outcome="failed")
        order = await tremendous.place_order(wanted())
        await self._settled(tremendous, order, DeliveryState.FAILED_RETRYABLE)
        assert await tremendous.cancel(order.provider_order_id) is True
        assert await tremendous.cancel(order.provider_order_id) is True
        seen = await tremendous.get_order(order.provider_order_id, "USD")
        assert seen.state is OrderState.CANCELLED
        assert (await book("tremendous"))[0]["state"] == "cancelled"


class TestWebhook:
    async def test_real_ones_are_believed_and_name_the_reward(
        self, simulator, outside, wanted, control
    ):
        receiver = Receiver()
        receiver.start()
        auth = {"authorization": "Bearer TEST_key"}
        made = await outside.post(
            "/tremendous/api/v2/webhooks", json={"url": receiver.url}, headers=auth
        )
        secret = made.json()["webhook"]["private_key"]
        url = f"{simulator.url}/tremendous"
        adapter = Tremendous(
            TremendousSettings(url=url, api_key="TEST_key", webhook_secret=secret), within=1
        )
        await control("delivery", seconds=0)
        placed = await adapter.place_order(wanted())
        await eventually(lambda: len(receiver.received) == 2)
        events = [adapter.read_webhook(headers, body) for headers, body in receiver.received]
        created = next(event for event in events if event.provider_order_id)
        delivered = next(event for event in events if event.reward_id)
        assert created.provider_order_id == placed.provider_order_id
        assert await adapter.order_id_of(delivered.reward_id) == placed.provider_order_id
        assert len({event.event_id for event in events}) == 2
        headers, body = receiver.received[0]
        with pytest.raises(WebhookRefused):
            adapter.read_webhook(headers, body + b" ")
        await adapter.close()
        receiver.stop()


async def _exhaust(tremendous: Tremendous) -> None:
    with contextlib.suppress(RateLimited):
        while True:
            await tremendous.find_order("gd1g1", "USD", not_before=LONG_AGO)


def _tells_nothing_private(error: ProviderError) -> None:
    """What Temporal would record of it: the whole chain of causes."""
    told = "".join(traceback.format_exception(error)).lower()
    for private in ("ann lee", "ann@example.com", "new@example.com", "5551234567", "test_key"):
        assert private not in told
