"""The Runa adapter against the simulator, over real HTTP."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.money import Money
from domain.orders import DeliveryState, OrderRequest, OrderState, RedemptionState
from domain.rewards import Delivery
from providers.outcomes import (
    FailedAnswer,
    InsufficientFunds,
    KeyConflict,
    KeyInProgress,
    NotSent,
    OrderRejected,
    OutcomeUnknown,
    ProviderError,
    ProviderMisconfigured,
    RateLimited,
)
from providers.resolver import NextRequest, next_request
from providers.runa import Runa, RunaSettings
from providers.webhooks import WebhookRefused
from tests.simulator.simulator_process import Receiver, SimulatorProcess, eventually, free_port

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
async def runa(simulator: SimulatorProcess, outside: Any) -> AsyncIterator[Runa]:
    adapter = Runa(RunaSettings(url=f"{simulator.url}/runa", api_key="XXkey"), within=1)
    yield adapter
    await adapter.close()


@pytest.fixture
def wanted(request_for: Callable[..., OrderRequest]) -> Callable[..., OrderRequest]:
    """`wanted("key", face=...)`: a 20-dollar Amazon card by e-mail."""
    return lambda key="gd1g1", **changes: request_for(key, **({"product_id": "AMZ-US"} | changes))


@pytest.fixture
def completed(runa: Runa) -> Callable[..., Any]:
    """Waits until an order has left PROCESSING."""

    async def wait(order_id: str):
        async def done():
            seen = await runa.get_order(order_id, "USD")
            return seen if seen.state is not OrderState.PENDING else None

        return await eventually(done)

    return wait


class TestPlace:
    async def test_new_is_accepted_and_completes(self, runa, wanted, control, book, completed):
        await control("delivery", seconds=0.2)
        order = await runa.place_order(wanted())
        assert (order.state, order.delivery) == (OrderState.PENDING, DeliveryState.PENDING)
        assert (order.raw_status, order.face, order.key) == ("PROCESSING", None, None)
        assert order.recognised
        seen = await completed(order.provider_order_id)
        assert (seen.state, seen.delivery) == (OrderState.ISSUED, DeliveryState.SENT)
        assert (seen.key, seen.raw_status) == ("gd1g1", "COMPLETED/ACTIVE")
        assert seen.redemption is RedemptionState.UNREDEEMED
        assert seen.face == Money(amount=2000, currency="USD")
        assert seen.charged == Money(amount=1970, currency="USD")
        assert seen.created_at is not None
        assert seen.secret is None, "the link of an e-mailed card is not ours to hold"
        (card,) = await book("runa")
        assert (card["key"], card["amount"]) == ("gd1g1", 2000)

    async def test_a_link_comes_with_completion(self, runa, wanted, control, completed):
        await control("delivery", seconds=0)
        order = await runa.place_order(wanted(delivery=Delivery.LINK))
        seen = await completed(order.provider_order_id)
        assert seen.delivery is DeliveryState.NOT_APPLICABLE
        assert seen.secret.link.startswith("https://")
        assert seen.secret.link not in repr(seen)

    async def test_repeated_gives_the_first_answer(self, runa, wanted, control, book, completed):
        await control("delivery", seconds=0)
        first = await runa.place_order(wanted())
        await completed(first.provider_order_id)
        again = await runa.place_order(wanted())
        assert again == first, "the stored answer, although the order has completed since"
        assert len(await book("runa")) == 1

    async def test_the_key_with_other_contents(self, runa, wanted, book):
        await runa.place_order(wanted())
        with pytest.raises(KeyConflict, match="idempotency_validation_error"):
            await runa.place_order(wanted(face=Money(amount=2100, currency="USD")))
        assert len(await book("runa")) == 1

    async def test_the_key_while_it_is_in_progress(self, runa, wanted, control, outside, book):
        await control("hold", provider="runa", point="committed", count=1)
        first = asyncio.create_task(runa.place_order(wanted()))

        async def held():
            return (await outside.get("/_control/hold")).json()["holding"] == 1

        await eventually(held)
        with pytest.raises(KeyInProgress) as waits:
            await runa.place_order(wanted())
        assert waits.value.retry_after == timedelta(seconds=5)
        await control("hold", point=None)
        assert (await first).state is OrderState.PENDING
        assert len(await book("runa")) == 1

    async def test_unfunded_and_the_key_remembers_it(self, runa, wanted, control, book):
        await control("funds", provider="runa", amount=0)
        with pytest.raises(InsufficientFunds, match="insufficient_funds"):
            await runa.place_order(wanted())
        await control("funds", provider="runa", amount=100000)
        with pytest.raises(InsufficientFunds):  # cached: only a new generation can buy now
            await runa.place_order(wanted())
        assert (await runa.place_order(wanted("gd1g2"))).state is OrderState.PENDING
        assert [card["key"] for card in await book("runa")] == ["gd1g2"]

    @pytest.mark.parametrize("status", [401, 403, 410])
    async def test_bad_credentials(self, runa, wanted, control, book, status):
        await control("credentials", provider="runa", accept=False, status=status)
        with pytest.raises(ProviderMisconfigured):
            await runa.place_order(wanted())
        with pytest.raises(ProviderMisconfigured):
            await runa.get_order("O-1", "USD")
        await control("credentials", provider="runa", accept=True)
        assert await book("runa") == []

    async def test_too_many_requests(self, runa, wanted, control, book):
        await control("rate", provider="runa", per_second=0.01)
        with pytest.raises(NotSent):
            await runa.get_order("O-1", "USD")
        with pytest.raises(RateLimited) as refused:
            await runa.place_order(wanted())
        assert refused.value.retry_after == timedelta(seconds=5)
        with pytest.raises(RateLimited):
            await runa.get_order("O-1", "USD")
        await control("rate", provider="runa", per_second=None)
        assert await book("runa") == []

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"product_id": "NOPE"}, "product_validation_error"),
            ({"product_id": "ZAL-DE"}, "currency_mismatch"),
            ({"face": Money(amount=99999, currency="USD")}, "product_validation_error"),
        ],
    )
    async def test_a_product_that_cannot_be_ordered_is_refused(
        self, runa, wanted, book, changes, words
    ):
        with pytest.raises(OrderRejected, match=words):
            await runa.place_order(wanted(**changes))
        assert await book("runa") == []

    async def test_an_address_that_is_none(self, runa, wanted, book):
        broken = wanted().recipient.model_copy(update={"email": "ann at example"})
        with pytest.raises(OrderRejected, match="validation_error") as refused:
            await runa.place_order(wanted(recipient=broken))
        _tells_nothing_private(refused.value)
        assert await book("runa") == []

    @pytest.mark.parametrize("delivery", [Delivery.SMS, Delivery.POST])
    async def test_an_unsupported_delivery_is_refused_before_sending(
        self, runa, wanted, outside, delivery
    ):
        with pytest.raises(OrderRejected):
            await runa.place_order(wanted(delivery=delivery))
        assert (await outside.get("/_control/stats")).json()["runa"]["attempted"] == 0

    async def test_a_refused_connection_means_not_sent(self, wanted):
        adapter = Runa(RunaSettings(url=f"http://127.0.0.1:{free_port()}", api_key="k"), within=1)
        with pytest.raises(NotSent):
            await adapter.place_order(wanted())
        await adapter.close()

    @pytest.mark.parametrize("fault", ["drop_before", "drop_after", "slow", "garbage"])
    async def test_a_fault_leaves_it_unknown_and_a_repeat_resolves_it(
        self, runa, wanted, control, book, fault
    ):
        await control("faults", provider="runa", seed=1, rates={fault: 1})
        with pytest.raises(OutcomeUnknown) as unknown:
            await runa.place_order(wanted())
        _tells_nothing_private(unknown.value)
        await control("faults", provider="runa", seed=1, rates={})
        order = await runa.place_order(wanted())
        (card,) = await book("runa")
        assert card["provider_order_id"] == order.provider_order_id


class TestStored5xxWithoutAnOrder:
    """Nothing was bought, and the key answers 500 for 30 days all the same."""

    async def test_a_repeat_is_a_failed_answer_and_buys_nothing(self, runa, wanted, control, book):
        await control("faults", provider="runa", seed=1, rates={"error_before": 1})
        with pytest.raises(FailedAnswer):
            await runa.place_order(wanted())
        await control("faults", provider="runa", seed=1, rates={})
        began = datetime.now(UTC) - timedelta(seconds=5)
        for _ in range(2):
            with pytest.raises(FailedAnswer, match="internal_server_error"):
                await runa.place_order(wanted())
        assert await book("runa") == []
        assert await runa.find_order("gd1g1", "USD", not_before=began) == []

    async def test_another_key_buys(self, runa, wanted, control, book):
        await control("faults", provider="runa", seed=1, rates={"error_before": 1})
        with pytest.raises(FailedAnswer):
            await runa.place_order(wanted())
        await control("faults", provider="runa", seed=1, rates={})
        assert await runa.place_order(wanted(key="gd1g2"))
        assert len(await book("runa")) == 1


class TestStored5xx:
    """An order that was bought, and whose key answers 500 for 30 days."""

    @pytest.fixture
    async def stuck(self, runa, wanted, control):
        await control("delivery", provider="runa", seconds=3600)
        await control("faults", provider="runa", seed=1, rates={"error_after": 1})
        with pytest.raises(OutcomeUnknown):
            await runa.place_order(wanted())
        await control("faults", provider="runa", seed=1, rates={})
        return datetime.now(UTC) - timedelta(seconds=5)

    async def test_a_repeat_returns_the_same_5xx(self, runa, wanted, stuck, book):
        for _ in range(2):
            with pytest.raises(OutcomeUnknown, match="internal_server_error"):
                await runa.place_order(wanted())
        assert len(await book("runa")) == 1

    async def test_after_a_few_repeats_the_order_is_looked_up(self, runa):
        moves = [
            next_request(runa.capabilities, in_doubt=True, repeats=n, age=timedelta(minutes=1))
            for n in range(1, 6)
        ]
        assert moves == [NextRequest.SEND] * 4 + [NextRequest.LOOK_UP]

    async def test_after_30_days_a_key_is_never_sent_again(self, runa):
        old = timedelta(days=30)
        move = next_request(runa.capabilities, in_doubt=True, repeats=1, age=old)
        assert move is NextRequest.LOOK_UP

    async def test_while_in_process_its_absence_is_not_concluded(self, runa, stuck):
        with pytest.raises(NotSent, match="in process"):
            await runa.find_order("gd1g1", "USD", not_before=stuck)

    async def test_once_complete_it_is_found_by_its_description(
        self, runa, wanted, stuck, control, book
    ):
        await control("delivery", provider="runa", seconds=0)

        async def issued():
            return (await book("runa"))[0]["state"] == "issued"

        await eventually(issued)
        (found,) = await runa.find_order("gd1g1", "USD", not_before=stuck)
        assert (found.state, found.key) == (OrderState.ISSUED, "gd1g1")
        assert found.face == Money(amount=2000, currency="USD")
        assert await runa.find_order("gd9g1", "USD", not_before=stuck) == []

    async def test_a_failed_one_leaves_nothing_to_find(self, runa, stuck, control, book):
        await control("delivery", provider="runa", seconds=0, outcome="failed")

        async def failed():
            return (await book("runa", all="true"))[0]["state"] == "failed"

        await eventually(failed)
        assert await runa.find_order("gd1g1", "USD", not_before=stuck) == []


class TestRead:
    async def test_failed(self, runa, wanted, control, completed):
        await control("delivery", seconds=0, outcome="failed")
        order = await runa.place_order(wanted())
        seen = await completed(order.provider_order_id)
        assert (seen.state, seen.raw_status) == (OrderState.FAILED, "FAILED")

    async def test_a_status_word_never_seen_is_pending(self, runa, wanted, control):
        await control("delivery", seconds=0, outcome="LEVITATING")
        order = await runa.place_order(wanted())

        async def odd():
            seen = await runa.get_order(order.provider_order_id, "USD")
            return seen if seen.raw_status == "LEVITATING" else None

        seen = await eventually(odd)
        assert (seen.state, seen.recognised) == (OrderState.PENDING, False)

    async def test_not_there(self, runa):
        with pytest.raises(NotSent):
            await runa.get_order("O-NOPE", "USD")

    async def test_two_under_one_key(self, runa, outside):
        twins = [{"key": "gd1g1", "amount": 2000, "currency": "USD"}] * 2
        await outside.post("/_control/tamper", json={"provider": "runa", "add": twins})

        async def both():
            try:
                return await runa.find_order("gd1g1", "USD", not_before=LONG_AGO)
            except NotSent:
                return None

        assert len(await eventually(both)) == 2

    async def test_products(self, runa):
        by_id = {product.id: product async for product in runa.products()}
        ranged, fixed = by_id["AMZ-US"], by_id["SBUX-US"]
        assert (ranged.smallest.amount, ranged.largest.amount) == (100, 50000)
        assert [value.amount for value in fixed.fixed] == [500, 1000, 2500]
        assert by_id["ZAL-DE"].currency == "EUR"
        assert ranged.deliveries == {Delivery.EMAIL, Delivery.LINK}


class TestList:
    async def test_windows_side_by_side_give_each_order_once(
        self, runa, wanted, control, completed
    ):
        await control("delivery", seconds=0)
        placed = []
        for n in range(3):
            placed.append(await runa.place_order(wanted(f"gd{n}g1")))
            await completed(placed[-1].provider_order_id)
        await control("delivery", seconds=3600)
        waiting = await runa.place_order(wanted("gd3g1"))
        middle = (await runa.get_order(placed[1].provider_order_id, "USD")).created_at
        later = [one async for one in runa.list_orders(middle, middle + timedelta(days=1))]
        earlier = [one async for one in runa.list_orders(LONG_AGO, middle)]
        assert [one.key for one in later] == [None, "gd2g1", "gd1g1"]
        assert later[0].provider_order_id == waiting.provider_order_id
        assert [one.key for one in earlier] == ["gd0g1"]
        assert later[1].face == Money(amount=2000, currency="USD")
        assert later[1].charged == Money(amount=1970, currency="USD")

    async def test_only_orders_in_process(self, runa, wanted, control):
        await control("delivery", seconds=3600)
        order = await runa.place_order(wanted())
        now = datetime.now(UTC)
        (one,) = [one async for one in runa.list_orders(now - timedelta(days=1), now)]
        assert one.provider_order_id == order.provider_order_id

    async def test_pages(self, runa, outside, book):
        rows = [{"key": f"gd{n}g1", "amount": 500, "currency": "USD"} for n in range(1100)]
        await outside.post("/_control/tamper", json={"provider": "runa", "add": rows})
        end = datetime.now(UTC) + timedelta(days=1)
        listed = [one.provider_order_id async for one in runa.list_orders(LONG_AGO, end)]
        expected = {card["provider_order_id"] for card in await book("runa")}
        assert len(listed) == 1100
        assert set(listed) == expected


class TestWebhook:
    @pytest.mark.parametrize(("outcome", "key"), [("delivered", "gd1g1"), ("failed", None)])
    async def test_a_signed_webhook_is_accepted(
        self, simulator, outside, wanted, control, outcome, key
    ):
        receiver = Receiver()
        receiver.start()
        setting = await control("webhook", provider="runa", url=receiver.url)
        url = f"{simulator.url}/runa"
        adapter = Runa(
            RunaSettings(url=url, api_key="XXkey", webhook_secret=setting["secret"]), within=1
        )
        await control("delivery", seconds=0, outcome=outcome)
        placed = await adapter.place_order(wanted())
        await eventually(lambda: receiver.received)
        headers, body = receiver.received[0]
        event = adapter.read_webhook(headers, body)
        assert (event.provider_order_id, event.key) == (placed.provider_order_id, key)
        assert event.event_id == headers["svix-id"]
        with pytest.raises(WebhookRefused):
            adapter.read_webhook(headers, body + b" ")
        await adapter.close()
        receiver.stop()


def _tells_nothing_private(error: ProviderError) -> None:
    """What Temporal would record of it: the whole chain of causes."""
    told = "".join(traceback.format_exception(error)).lower()
    for private in ("ann lee", "ann@example.com", "ann at example", "xxkey"):
        assert private not in told
