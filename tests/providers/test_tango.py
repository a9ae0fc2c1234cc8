"""Tango's adapter at the simulator, over real HTTP: each outcome of an order, and its reading."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from domain.money import Money
from domain.orders import DeliveryState, OrderState, Recipient
from domain.rewards import Delivery
from providers.outcomes import (
    InsufficientFunds,
    KeyConflict,
    KeyInProgress,
    NotSent,
    OrderRejected,
    OutcomeUnknown,
    ProviderMisconfigured,
    RateLimited,
)
from providers.tango import Tango, TangoSettings
from tests.simulator.simulator_process import eventually

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def opened(url: str, *, within: float = 5, **changes) -> Tango:
    section = {
        "url": url,
        "platform_name": "platform",
        "platform_key": "platform-key",
        "customer_identifier": "customer",
        "account_identifier": "rewards",
        "max_per_second": 100,
    } | changes
    return Tango(TangoSettings(**section), within=within)


@pytest.fixture
async def connect(simulator, outside):
    """`connect(max_per_second=2)`: an adapter at the simulator, closed in the end."""
    adapters = []

    def make(**changes) -> Tango:
        adapters.append(opened(f"{simulator.url}/tango/raas/v2", **changes))
        return adapters[-1]

    yield make
    for adapter in adapters:
        await adapter.close()


@pytest.fixture(scope="module")
async def shared(simulator):
    """One adapter a module: each costs a tenth of a second of TLS set-up."""
    adapter = opened(f"{simulator.url}/tango/raas/v2")
    yield adapter
    await adapter.close()


@pytest.fixture
def tango(shared, outside):
    """An adapter at an emptied simulator."""
    return shared


@pytest.fixture
def asked(request_for):
    """`asked("gd1g1", face=...)`: a purchase of Tango's open-value card."""

    def build(key="gd1g1", **changes):
        return request_for(key, **({"product_id": "U000001"} | changes))

    return build


class TestPlace:
    async def test_a_new_order_is_bought_and_not_yet_delivered(self, tango, asked, book):
        told = await tango.place_order(asked())
        assert (told.key, told.state, told.raw_status) == ("gd1g1", OrderState.ISSUED, "COMPLETE")
        assert told.delivery is DeliveryState.PENDING
        assert told.face == told.charged == Money(amount=2000, currency="USD")
        assert told.created_at is not None
        assert datetime.now(UTC) - told.created_at < timedelta(minutes=1)
        (card,) = await book("tango")
        assert (card["key"], card["amount"]) == ("gd1g1", 2000)

    async def test_a_mailed_card_gives_us_no_secret(self, tango, asked):
        assert (await tango.place_order(asked())).secret is None

    async def test_a_link_comes_with_the_secret_and_is_delivered(self, tango, asked):
        told = await tango.place_order(asked(delivery=Delivery.LINK))
        assert told.secret is not None
        assert told.secret.link.startswith("https://")
        assert told.delivery is DeliveryState.NOT_APPLICABLE
        assert told.secret.link not in repr(told)

    async def test_by_text_message(self, tango, asked):
        told = await tango.place_order(asked(delivery=Delivery.SMS))
        assert (told.state, told.secret) == (OrderState.ISSUED, None)

    async def test_plastic_is_refused_before_anything_is_sent(self, tango, asked, book):
        with pytest.raises(OrderRejected):
            await tango.place_order(asked(delivery=Delivery.POST))
        assert await book("tango", all="true") == []

    async def test_a_fee_and_another_currency_are_told_apart(self, tango, asked):
        face = Money(amount=1000, currency="EUR")
        told = await tango.place_order(asked(product_id="U555555", face=face))
        assert (told.face, told.charged) == (face, Money(amount=1100, currency="USD"))
        told = await tango.place_order(asked("gd2g1", product_id="U999999"))
        assert told.charged == Money(amount=2050, currency="USD")

    async def test_a_recipient_without_a_name_gets_a_placeholder(self, tango, asked, outside):
        told = await tango.place_order(asked(recipient=Recipient(email="ann@example.com")))
        order = await outside.get(
            f"/tango/raas/v2/orders/{told.provider_order_id}", auth=("platform", "key")
        )
        assert order.json()["recipient"] == {"firstName": "Customer", "email": "ann@example.com"}


class TestRepeat:
    async def test_the_same_order_comes_back(self, tango, asked, book):
        first, again = await tango.place_order(asked()), await tango.place_order(asked())
        assert again.provider_order_id == first.provider_order_id
        assert len(await book("tango")) == 1

    async def test_another_amount_shows_in_the_snapshot(self, tango, asked, book):
        """The purchase compares it with what was asked for."""
        await tango.place_order(asked())
        told = await tango.place_order(asked(face=Money(amount=5000, currency="USD")))
        assert told.face == Money(amount=2000, currency="USD")
        assert len(await book("tango")) == 1

    @pytest.mark.parametrize(
        ("changes", "word"),
        [
            ({"product_id": "U999999"}, "product"),
            ({"recipient": Recipient(name="Bob", email="bob@example.com")}, "recipient"),
        ],
    )
    async def test_a_silent_original_is_a_conflict(self, tango, asked, book, changes, word):
        await tango.place_order(asked())
        with pytest.raises(KeyConflict, match=word) as raised:
            await tango.place_order(asked(**changes))
        assert "example.com" not in str(raised.value)
        assert len(await book("tango")) == 1

    async def test_an_address_in_another_case_is_no_conflict(self, tango, asked, book):
        await tango.place_order(asked())
        await tango.place_order(asked(recipient=Recipient(name="Ann", email="ANN@example.com")))
        assert len(await book("tango")) == 1

    async def test_an_order_of_another_account_is_not_ours(self, connect, asked, book):
        await connect(account_identifier="other").place_order(asked())
        await connect().place_order(asked())
        assert len(await book("tango")) == 2

    async def test_a_failed_order_replays_as_failed_and_a_new_generation_buys(
        self, tango, asked, control, book
    ):
        await control("delivery", provider="tango", seconds=0, outcome="failed")
        assert (await tango.place_order(asked())).state is OrderState.PENDING

        async def failed():
            return (await tango.place_order(asked())).state is OrderState.FAILED

        await eventually(failed)
        await control("delivery", provider="tango", seconds=0)
        assert (await tango.place_order(asked())).state is OrderState.FAILED
        assert (await tango.place_order(asked("gd1g2"))).state is OrderState.ISSUED
        assert [card["key"] for card in await book("tango")] == ["gd1g2"]

    async def test_an_order_in_process_is_not_a_conflict(
        self, tango, asked, control, outside, book
    ):
        await control("hold", provider="tango", point="committed", count=1)
        first = asyncio.create_task(tango.place_order(asked()))

        async def held():
            return (await outside.get("/_control/hold")).json()["holding"] == 1

        await eventually(held)
        with pytest.raises(KeyInProgress) as raised:
            await tango.place_order(asked())
        assert raised.value.retry_after == timedelta(seconds=2)
        await control("hold", point=None)
        assert (await tango.place_order(asked())).key == (await first).key
        assert len(await book("tango")) == 1


class TestRefusals:
    async def test_unfunded(self, tango, asked, control):
        await control("funds", provider="tango", amount=1999)
        with pytest.raises(InsufficientFunds, match=r"402\.001"):
            await tango.place_order(asked())

    @pytest.mark.parametrize("status", [401, 403])
    async def test_bad_credentials_stop_orders_and_reads(self, tango, asked, control, status):
        await control("credentials", provider="tango", accept=False, status=status)
        with pytest.raises(ProviderMisconfigured):
            await tango.place_order(asked())
        with pytest.raises(ProviderMisconfigured):
            await tango.get_order("RA1", "USD")

    async def test_too_many_a_second(self, tango, asked, control, book):
        await control("rate", provider="tango", per_second=0.001)
        await tango.place_order(asked())
        with pytest.raises(RateLimited, match=r"429\.008"):
            await tango.place_order(asked("gd2g1"))
        assert len(await book("tango")) == 1

    @pytest.mark.parametrize(
        ("changes", "key"),
        [
            ({"product_id": "U7"}, "422.024"),
            ({"face": Money(amount=50100, currency="USD")}, "422.025"),
            ({"recipient": Recipient(name="Ann", email="not an address")}, "422.009"),
        ],
    )
    async def test_refused_for_good_in_words(self, tango, asked, book, changes, key):
        with pytest.raises(OrderRejected) as raised:
            await tango.place_order(asked(**changes))
        assert key in raised.value.detail
        assert "not an address" not in raised.value.detail
        assert await book("tango", all="true") == []

    async def test_a_refused_connection_means_not_sent(self, asked):
        adapter = opened("http://127.0.0.1:9/raas/v2")
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
    async def test_no_readable_answer_is_unknown_and_a_repeat_finds_out(
        self, connect, asked, control, book, fault, bought
    ):
        tango = connect(within=0.5)
        await control("faults", provider="tango", seed=1, rates={fault: 1})
        with pytest.raises(OutcomeUnknown):
            await tango.place_order(asked())
        assert len(await book("tango")) == bought
        await control("faults", provider="tango", seed=1, rates={})
        assert (await tango.place_order(asked())).state is OrderState.ISSUED
        assert len(await book("tango")) == 1


class TestRead:
    @pytest.mark.parametrize(
        ("outcome", "delivery", "raw"),
        [
            ("delivered", DeliveryState.DELIVERED, "COMPLETE, DELIVERED"),
            ("bounced", DeliveryState.FAILED_RETRYABLE, "COMPLETE, BOUNCE"),
            ("DROPPED", DeliveryState.FAILED_PERMANENT, "COMPLETE, DROPPED"),
            ("SENT", DeliveryState.SENT, "COMPLETE, SENT"),
        ],
    )
    async def test_delivery_stands_in_the_line_item(
        self, tango, asked, control, outcome, delivery, raw
    ):
        await control("delivery", provider="tango", seconds=0, outcome=outcome)
        placed = await tango.place_order(asked())

        async def settled():
            shown = await tango.get_order(placed.provider_order_id, "USD")
            return shown if shown.raw_status == raw else None

        shown = await eventually(settled)
        assert (shown.state, shown.delivery) == (OrderState.ISSUED, delivery)
        assert shown.recognised
        assert shown.face == Money(amount=2000, currency="USD")

    async def test_an_unknown_delivery_word_is_pending_and_reported(self, tango, asked, control):
        await control("delivery", provider="tango", seconds=0, outcome="PIGEON")
        placed = await tango.place_order(asked())

        async def settled():
            shown = await tango.get_order(placed.provider_order_id, "USD")
            return shown if not shown.recognised else None

        shown = await eventually(settled)
        assert (shown.state, shown.delivery) == (OrderState.ISSUED, DeliveryState.PENDING)
        assert shown.raw_status == "COMPLETE, PIGEON"

    async def test_a_link_keeps_its_secret(self, tango, asked):
        placed = await tango.place_order(asked(delivery=Delivery.LINK))
        shown = await tango.get_order(placed.provider_order_id, "USD")
        assert shown.secret == placed.secret
        assert shown.delivery is DeliveryState.NOT_APPLICABLE

    async def test_two_reads_of_one_look_keep_within_the_rate_limit(self, connect, asked, control):
        tango = connect(max_per_second=4)
        placed = await tango.place_order(asked())
        await control("rate", provider="tango", per_second=4)
        began = time.monotonic()
        for _ in range(3):
            await tango.get_order(placed.provider_order_id, "USD")
        assert time.monotonic() - began > 0.7

    async def test_a_look_outlasts_a_limit_below_ours(self, tango, asked, control):
        placed = await tango.place_order(asked())
        await control("rate", provider="tango", per_second=1)
        shown = await tango.get_order(placed.provider_order_id, "USD")
        assert shown.state is OrderState.ISSUED

    async def test_an_unknown_id(self, tango):
        with pytest.raises(NotSent):
            await tango.get_order("RA/../accounts", "USD")

    async def test_find_none_one_and_an_incident(self, connect, asked, outside, book):
        tango = connect(account_identifier="unknown")
        assert await tango.find_order("gd1g1", "USD", not_before=LONG_AGO) == []
        placed = await tango.place_order(asked())
        await tango.place_order(asked("gd2g1"))
        (found,) = await tango.find_order("gd1g1", "USD", not_before=LONG_AGO)
        assert found.provider_order_id == placed.provider_order_id
        assert (found.key, found.face) == ("gd1g1", Money(amount=2000, currency="USD"))
        # The simulator puts orders that nobody placed into an account of that name.
        second = {"key": "gd1g1", "amount": 2000, "currency": "USD"}
        await outside.post("/_control/tamper", json={"provider": "tango", "add": [second]})
        assert len(await tango.find_order("gd1g1", "USD", not_before=LONG_AGO)) == 2

    async def test_an_order_of_another_account_is_not_found(self, connect, asked):
        await connect(account_identifier="other").place_order(asked())
        assert await connect().find_order("gd1g1", "USD", not_before=LONG_AGO) == []


class TestAftercare:
    async def test_resend_to_a_corrected_address(self, tango, asked, control, outside):
        await control("delivery", provider="tango", seconds=0, outcome="bounced")
        placed = await tango.place_order(asked())

        async def arrived(state):
            shown = await tango.get_order(placed.provider_order_id, "USD")
            return shown.delivery is state

        await eventually(lambda: arrived(DeliveryState.FAILED_RETRYABLE))
        await control("delivery", provider="tango", seconds=0)
        await tango.resend(placed.provider_order_id, "ann.lee@example.com")
        await eventually(lambda: arrived(DeliveryState.DELIVERED))
        with pytest.raises(RateLimited):
            await tango.resend(placed.provider_order_id, None)

    async def test_a_link_cannot_be_mailed_again(self, tango, asked):
        placed = await tango.place_order(asked(delivery=Delivery.LINK))
        with pytest.raises(OrderRejected):
            await tango.resend(placed.provider_order_id, None)

    async def test_cancel_a_choice_product_and_again(self, tango, asked, book):
        placed = await tango.place_order(asked(product_id="U999999"))
        assert await tango.cancel(placed.provider_order_id)
        shown = await tango.get_order(placed.provider_order_id, "USD")
        assert shown.state is OrderState.CANCELLED
        assert await tango.cancel(placed.provider_order_id)
        assert [card["state"] for card in await book("tango")] == ["cancelled"]

    async def test_other_products_stay(self, tango, asked, book):
        placed = await tango.place_order(asked())
        assert not await tango.cancel(placed.provider_order_id)
        assert [card["state"] for card in await book("tango")] == ["issued"]


class TestCatalogue:
    async def test_open_and_fixed_values(self, tango):
        products = {product.id: product async for product in tango.products()}
        first = products["U000001"]
        assert (first.currency, first.fixed) == ("USD", ())
        assert first.smallest == Money(amount=100, currency="USD")
        assert first.largest == Money(amount=50000, currency="USD")
        assert first.deliveries == {Delivery.EMAIL, Delivery.SMS, Delivery.LINK}
        fixed = products["U000025"]
        assert (fixed.fixed, fixed.smallest) == ((Money(amount=2500, currency="USD"),), None)
        assert products["U555555"].currency == "EUR"


class TestSettings:
    def test_from_the_environment(self, monkeypatch):
        for name, value in {
            "URL": "https://integration-api.tangocard.com/raas/v2",
            "PLATFORM_NAME": "p",
            "PLATFORM_KEY": "secret-key",
            "CUSTOMER_IDENTIFIER": "c",
            "ACCOUNT_IDENTIFIER": "a",
        }.items():
            monkeypatch.setenv(f"GUERDON_TANGO_{name}", value)
        settings = TangoSettings()
        assert settings.max_per_second == 1
        assert "secret-key" not in repr(settings)

    def test_begun_and_not_complete(self, monkeypatch):
        monkeypatch.setenv("GUERDON_TANGO_URL", "https://example.com/raas/v2")
        with pytest.raises(ValidationError):
            TangoSettings()
