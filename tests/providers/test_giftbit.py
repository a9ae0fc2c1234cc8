"""Giftbit's adapter at the simulator, over real HTTP: each outcome of an order, and its reading."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from domain.money import Money
from domain.orders import DeliveryState, OrderState, Recipient, RedemptionState
from domain.rewards import Delivery
from providers.giftbit import Giftbit, GiftbitSettings
from providers.outcomes import (
    KeyConflict,
    NotSent,
    OrderRejected,
    OutcomeUnknown,
    ProviderMisconfigured,
    RateLimited,
)
from tests.simulator.simulator_process import eventually

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def opened(url: str, *, within: float = 30, **changes) -> Giftbit:
    section = {"url": url, "token": "the-token", "max_per_second": 100} | changes
    return Giftbit(GiftbitSettings(**section), within=within)


@pytest.fixture
async def connect(simulator, outside):
    """`connect(max_per_second=2)`: an adapter at the simulator, closed in the end."""
    adapters = []

    def make(**changes) -> Giftbit:
        adapters.append(opened(f"{simulator.url}/giftbit/papi/v1", **changes))
        return adapters[-1]

    yield make
    for adapter in adapters:
        await adapter.close()


@pytest.fixture(scope="module")
async def shared(simulator):
    """One adapter a module: each costs a tenth of a second of TLS set-up."""
    adapter = opened(f"{simulator.url}/giftbit/papi/v1")
    yield adapter
    await adapter.close()


@pytest.fixture
def giftbit(shared, outside):
    """An adapter at an emptied simulator."""
    return shared


@pytest.fixture
def asked(request_for):
    """`asked("gd1g1", face=...)`: a purchase of an open-value brand."""

    def build(key="gd1g1", **changes):
        return request_for(key, **({"product_id": "amazonus"} | changes))

    return build


@pytest.fixture
def becomes(giftbit):
    """`await becomes(placed, OrderState.ISSUED)`: look until it is, as polling does."""

    async def look(placed, state, delivery=None):
        async def found():
            shown = await giftbit.get_order(placed.provider_order_id, "USD")
            arrived = shown.state is state and delivery in (None, shown.delivery)
            return shown if arrived else None

        return await eventually(found)

    return look


class TestPlace:
    async def test_a_new_order_is_accepted_and_then_issued(
        self, giftbit, asked, becomes, book, control
    ):
        await control("delivery", provider="giftbit", seconds=0.2)
        placed = await giftbit.place_order(asked())
        assert (placed.key, placed.raw_status) == ("gd1g1", "API_CREATING")
        assert (placed.state, placed.delivery) == (OrderState.PENDING, DeliveryState.PENDING)
        assert placed.face == Money(amount=2000, currency="USD")
        assert placed.charged == Money(amount=2025, currency="USD")
        shown = await becomes(placed, OrderState.ISSUED)
        assert (shown.delivery, shown.redemption) == (
            DeliveryState.DELIVERED,
            RedemptionState.UNREDEEMED,
        )
        assert shown.raw_status == "CAMPAIGN_CREATED, DELIVERED, SENT_AND_REDEEMABLE"
        assert (shown.face, shown.charged) == (placed.face, placed.charged)
        assert shown.created_at is not None
        assert datetime.now(UTC) - shown.created_at < timedelta(minutes=1)
        assert len(await book("giftbit")) == 1

    async def test_a_link_comes_at_once_and_is_delivered_once_issued(
        self, giftbit, asked, becomes, control
    ):
        await control("delivery", provider="giftbit", seconds=0.2)
        placed = await giftbit.place_order(asked(delivery=Delivery.LINK))
        assert placed.secret is not None
        assert placed.secret.link.startswith("https://")
        assert placed.secret.link not in repr(placed)
        assert (placed.state, placed.delivery) == (OrderState.PENDING, DeliveryState.PENDING)
        shown = await becomes(placed, OrderState.ISSUED)
        assert shown.delivery is DeliveryState.NOT_APPLICABLE
        assert shown.secret == placed.secret

    async def test_a_mailed_reward_gives_us_no_secret(self, giftbit, asked, becomes, control):
        await control("delivery", provider="giftbit", seconds=0)
        placed = await giftbit.place_order(asked())
        assert placed.secret is None
        assert (await becomes(placed, OrderState.ISSUED)).secret is None

    @pytest.mark.parametrize("delivery", [Delivery.SMS, Delivery.POST])
    async def test_an_unsupported_delivery_is_refused_before_sending(
        self, giftbit, asked, book, delivery
    ):
        with pytest.raises(OrderRejected):
            await giftbit.place_order(asked(delivery=delivery))
        assert await book("giftbit", all="true") == []

    async def test_another_currency(self, giftbit, asked):
        face = Money(amount=1000, currency="CAD")
        told = await giftbit.place_order(asked(product_id="itunesca", face=face))
        assert (told.face, told.charged) == (face, face)


class TestUnfunded:
    async def test_an_unfunded_order_is_pending_and_sent_when_money_comes(
        self, giftbit, asked, becomes, control, book
    ):
        await control("delivery", provider="giftbit", seconds=0)
        await control("funds", provider="giftbit", amount=2000)
        placed = await giftbit.place_order(asked())
        assert (placed.state, placed.raw_status) == (OrderState.PENDING, "AWAITING_FUNDS")
        assert placed.recognised
        again = await giftbit.place_order(asked())
        assert again.provider_order_id == placed.provider_order_id
        assert await book("giftbit") == []
        assert not await giftbit.cancel(placed.provider_order_id)
        await control("funds", provider="giftbit", amount=2025)
        await becomes(placed, OrderState.ISSUED, DeliveryState.DELIVERED)
        assert len(await book("giftbit")) == 1

    async def test_a_link_comes_later(self, giftbit, asked, becomes, control):
        await control("delivery", provider="giftbit", seconds=0)
        await control("funds", provider="giftbit", amount=0)
        placed = await giftbit.place_order(asked(delivery=Delivery.LINK))
        assert (placed.state, placed.secret) == (OrderState.PENDING, None)
        await control("funds", provider="giftbit", amount=5000)
        shown = await becomes(placed, OrderState.ISSUED, DeliveryState.NOT_APPLICABLE)
        assert shown.secret is not None


class TestRepeat:
    async def test_the_same_order_comes_back(self, giftbit, asked, book):
        first, again = await giftbit.place_order(asked()), await giftbit.place_order(asked())
        assert again.provider_order_id == first.provider_order_id
        assert len(await book("giftbit")) == 1

    async def test_another_amount_shows_in_the_snapshot(self, giftbit, asked, book):
        """The purchase compares it with what was asked for."""
        await giftbit.place_order(asked())
        told = await giftbit.place_order(asked(face=Money(amount=5000, currency="USD")))
        assert told.face == Money(amount=2000, currency="USD")
        assert len(await book("giftbit")) == 1

    @pytest.mark.parametrize(
        ("changes", "word"),
        [
            ({"product_id": "starbucksus", "face": Money(amount=500, currency="USD")}, "product"),
            ({"recipient": Recipient(name="Bob", email="bob@example.com")}, "recipient"),
        ],
    )
    async def test_a_silent_original_is_a_conflict(self, giftbit, asked, book, changes, word):
        await giftbit.place_order(asked())
        with pytest.raises(KeyConflict, match=word) as raised:
            await giftbit.place_order(asked(**changes))
        assert "example.com" not in str(raised.value)
        assert len(await book("giftbit")) == 1

    async def test_case_is_no_conflict(self, giftbit, asked, book):
        await giftbit.place_order(asked())
        ann = Recipient(name="Ann", email="ANN@example.com")
        await giftbit.place_order(asked(product_id="AmazonUS", recipient=ann))
        assert len(await book("giftbit")) == 1

    async def test_at_the_same_time(self, giftbit, asked, book):
        told = await asyncio.gather(*(giftbit.place_order(asked()) for _ in range(5)))
        assert len({snapshot.provider_order_id for snapshot in told}) == 1
        assert len(await book("giftbit")) == 1


class TestRefusals:
    @pytest.mark.parametrize("status", [401, 403])
    async def test_bad_credentials_stop_orders_and_reads(self, giftbit, asked, control, status):
        await control("credentials", provider="giftbit", accept=False, status=status)
        with pytest.raises(ProviderMisconfigured):
            await giftbit.place_order(asked())
        with pytest.raises(ProviderMisconfigured):
            await giftbit.get_order("some-uuid", "USD")

    async def test_too_many_a_second(self, giftbit, asked, control, book):
        await control("rate", provider="giftbit", per_second=0.001)
        await giftbit.place_order(asked())
        with pytest.raises(RateLimited):
            await giftbit.place_order(asked("gd2g1"))
        assert len(await book("giftbit")) == 1

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"product_id": "nobrand"}, "ERROR_CAMPAIGN_INVALID_BRAND"),
            ({"face": Money(amount=50100, currency="USD")}, "ERROR_CAMPAIGN_INVALID_BRAND"),
            ({"recipient": Recipient(name="Ann", email="nowhere")}, "ERROR_CAMPAIGN"),
        ],
    )
    async def test_refused_for_good_in_words(self, giftbit, asked, book, changes, code):
        with pytest.raises(OrderRejected) as raised:
            await giftbit.place_order(asked(**changes))
        assert code in raised.value.detail
        assert "nowhere" not in raised.value.detail
        assert await book("giftbit", all="true") == []

    async def test_nobody_answers_the_door(self, asked):
        adapter = opened("http://127.0.0.1:9/papi/v1")
        with pytest.raises(NotSent):
            await adapter.place_order(asked())
        await adapter.close()

    @pytest.mark.parametrize(
        ("fault", "bought"),
        [
            ("drop_before", 0),
            ("error_before", 0),
            ("drop_after", 1),
            ("error_after", 1),
            ("garbage", 1),
            ("slow", 1),
        ],
    )
    @pytest.mark.parametrize("delivery", [Delivery.EMAIL, Delivery.LINK])
    async def test_no_readable_answer_is_unknown_and_a_repeat_finds_out(
        self, connect, asked, control, book, fault, bought, delivery
    ):
        giftbit = connect(within=0.5)
        await control("faults", provider="giftbit", seed=1, rates={fault: 1})
        with pytest.raises(OutcomeUnknown):
            await giftbit.place_order(asked(delivery=delivery))
        assert len(await book("giftbit")) == bought
        await control("faults", provider="giftbit", seed=1, rates={})
        assert (await giftbit.place_order(asked(delivery=delivery))).key == "gd1g1"
        assert len(await book("giftbit")) == 1


class TestRead:
    @pytest.mark.parametrize(
        ("outcome", "delivery"),
        [
            ("delivered", DeliveryState.DELIVERED),
            ("bounced", DeliveryState.FAILED_PERMANENT),
            ("TEMPORARILY_UNDELIVERABLE", DeliveryState.FAILED_RETRYABLE),
            ("UNSUBSCRIBED", DeliveryState.FAILED_PERMANENT),
            ("COMPLAINT", DeliveryState.FAILED_PERMANENT),
        ],
    )
    async def test_delivery_stands_in_the_reward(
        self, giftbit, asked, becomes, control, outcome, delivery
    ):
        await control("delivery", provider="giftbit", seconds=0, outcome=outcome)
        shown = await becomes(await giftbit.place_order(asked()), OrderState.ISSUED, delivery)
        assert shown.recognised

    async def test_an_unknown_delivery_word_is_pending_and_reported(
        self, giftbit, asked, becomes, control
    ):
        await control("delivery", provider="giftbit", seconds=0, outcome="PIGEON")
        shown = await becomes(await giftbit.place_order(asked()), OrderState.ISSUED)
        assert (shown.delivery, shown.recognised) == (DeliveryState.PENDING, False)
        assert "PIGEON" in shown.raw_status

    async def test_an_order_that_reached_nobody_has_failed(
        self, giftbit, asked, becomes, control, book
    ):
        await control("delivery", provider="giftbit", seconds=0, outcome="failed")
        placed = await giftbit.place_order(asked())
        shown = await becomes(placed, OrderState.FAILED)
        assert shown.raw_status == "CAMPAIGN_CREATED"
        assert await book("giftbit") == []
        assert (await giftbit.place_order(asked())).state is OrderState.FAILED
        await control("delivery", provider="giftbit", seconds=0)
        await becomes(await giftbit.place_order(asked("gd1g2")), OrderState.ISSUED)
        assert [card["key"] for card in await book("giftbit")] == ["gd1g2"]

    async def test_a_look_outlasts_a_limit_below_ours(self, giftbit, asked, becomes, control):
        await control("delivery", provider="giftbit", seconds=0)
        placed = await giftbit.place_order(asked(delivery=Delivery.LINK))
        await becomes(placed, OrderState.ISSUED)
        await control("rate", provider="giftbit", per_second=2)
        shown = await giftbit.get_order(placed.provider_order_id, "USD")
        assert shown.delivery is DeliveryState.NOT_APPLICABLE

    async def test_an_unknown_id(self, giftbit):
        with pytest.raises(NotSent):
            await giftbit.get_order("../funds", "USD")

    async def test_find_none_one_and_an_incident(self, giftbit, asked, becomes, control, outside):
        await control("delivery", provider="giftbit", seconds=0)
        assert await giftbit.find_order("gd1g1", "USD", not_before=LONG_AGO) == []
        placed = await giftbit.place_order(asked())
        await becomes(placed, OrderState.ISSUED)
        await giftbit.place_order(asked("gd2g1"))
        (found,) = await giftbit.find_order("gd1g1", "USD", not_before=LONG_AGO)
        assert found.provider_order_id == placed.provider_order_id
        assert await giftbit.find_order(placed.provider_order_id, "USD", not_before=LONG_AGO) == []
        second = {"key": "gd1g1", "amount": 2000, "currency": "USD"}
        await outside.post("/_control/tamper", json={"provider": "giftbit", "add": [second]})
        found = await giftbit.find_order("gd1g1", "USD", not_before=LONG_AGO)
        assert len({snapshot.provider_order_id for snapshot in found}) == 2

    async def test_an_order_without_funds_is_found(self, giftbit, asked, control):
        await control("funds", provider="giftbit", amount=0)
        await giftbit.place_order(asked())
        (found,) = await giftbit.find_order("gd1g1", "USD", not_before=LONG_AGO)
        assert found.raw_status == "AWAITING_FUNDS"


class TestAftercare:
    async def test_resend_to_the_same_address(self, giftbit, asked, becomes, control):
        await control("delivery", provider="giftbit", seconds=0, outcome="bounced")
        placed = await giftbit.place_order(asked())
        await becomes(placed, OrderState.ISSUED, DeliveryState.FAILED_PERMANENT)
        await control("delivery", provider="giftbit", seconds=0)
        await giftbit.resend(placed.provider_order_id, "Ann@example.com")
        await becomes(placed, OrderState.ISSUED, DeliveryState.DELIVERED)

    async def test_another_address_cannot_be_given(self, giftbit, asked, becomes, control):
        await control("delivery", provider="giftbit", seconds=0)
        placed = await giftbit.place_order(asked())
        await becomes(placed, OrderState.ISSUED)
        with pytest.raises(OrderRejected) as raised:
            await giftbit.resend(placed.provider_order_id, "ann.lee@example.com")
        assert "example.com" not in str(raised.value)

    async def test_nothing_to_send_again_yet(self, giftbit, asked, control):
        await control("delivery", provider="giftbit", outcome="never")
        placed = await giftbit.place_order(asked())
        with pytest.raises(NotSent):
            await giftbit.resend(placed.provider_order_id, None)

    @pytest.mark.parametrize("delivery", [Delivery.EMAIL, Delivery.LINK])
    async def test_cancel_and_again(self, giftbit, asked, becomes, control, book, delivery):
        await control("delivery", provider="giftbit", seconds=0)
        placed = await giftbit.place_order(asked(delivery=delivery))
        await becomes(placed, OrderState.ISSUED)
        assert await giftbit.cancel(placed.provider_order_id)
        shown = await giftbit.get_order(placed.provider_order_id, "USD")
        assert (shown.state, shown.redemption) == (OrderState.CANCELLED, RedemptionState.CANCELLED)
        assert await giftbit.cancel(placed.provider_order_id)
        assert [card["state"] for card in await book("giftbit")] == ["cancelled"]


class TestCatalogue:
    async def test_open_and_fixed_prices(self, giftbit):
        products = {product.id: product async for product in giftbit.products()}
        first = products["amazonus"]
        assert (first.currency, first.fixed) == ("USD", ())
        assert first.smallest == Money(amount=100, currency="USD")
        assert first.largest == Money(amount=50000, currency="USD")
        assert first.deliveries == {Delivery.EMAIL, Delivery.LINK}
        fixed = products["starbucksus"]
        assert [price.amount for price in fixed.fixed] == [500, 1000, 2500]
        assert fixed.smallest is None
        assert products["itunesca"].currency == "CAD"


class TestSettings:
    def test_from_the_environment(self, monkeypatch):
        monkeypatch.setenv("GUERDON_GIFTBIT_URL", "https://api-testbed.giftbit.com/papi/v1")
        monkeypatch.setenv("GUERDON_GIFTBIT_TOKEN", "secret-token")
        settings = GiftbitSettings()
        assert settings.max_per_second > 0
        assert "secret-token" not in repr(settings)

    def test_begun_and_not_complete(self, monkeypatch):
        monkeypatch.setenv("GUERDON_GIFTBIT_URL", "https://example.com/papi/v1")
        with pytest.raises(ValidationError):
            GiftbitSettings()
