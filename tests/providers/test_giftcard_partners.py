"""The GiftCard Partners adapter against the simulator, over real HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from domain.money import Money
from domain.orders import DeliveryState, OrderRequest, OrderState, Recipient
from domain.rewards import Delivery
from providers.giftcard_partners import GiftCardPartners, GiftCardPartnersSettings
from providers.outcomes import (
    InsufficientFunds,
    KeyAlreadyUsed,
    NotSent,
    OrderRejected,
    OutcomeUnknown,
    ProviderMisconfigured,
    RateLimited,
)
from tests.simulator.simulator_process import SimulatorProcess, eventually, free_port

NAME = "giftcard-partners"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
ADDRESS = {
    "line_1": "1 Main Street",
    "city": "Springfield",
    "state": "IL",
    "postal_code": "62701",
    "country": "US",
}

Control = Callable[..., Awaitable[Any]]
Book = Callable[..., Awaitable[list[dict[str, Any]]]]
Wanted = Callable[..., OrderRequest]


def adapter_at(url: str, within: float = 30) -> GiftCardPartners:
    settings = GiftCardPartnersSettings.model_validate(
        {"url": url, "email": "buyer@example.com", "access_token": "secret"}
    )
    return GiftCardPartners(settings, within=within)


@pytest.fixture
async def partners(
    simulator: SimulatorProcess, outside: httpx.AsyncClient
) -> AsyncIterator[GiftCardPartners]:
    adapter = adapter_at(f"{simulator.url}/{NAME}")
    yield adapter
    await adapter.close()


@pytest.fixture
async def hurried(
    simulator: SimulatorProcess, outside: httpx.AsyncClient
) -> AsyncIterator[GiftCardPartners]:
    """Half a second for an exchange."""
    adapter = adapter_at(f"{simulator.url}/{NAME}", within=0.5)
    yield adapter
    await adapter.close()


class TestPlaceOrder:
    async def test_an_order_stands_in_the_book_under_our_key(
        self, partners: GiftCardPartners, request_for: Wanted, book: Book
    ) -> None:
        order = await partners.place_order(request_for())
        assert (order.key, order.state, order.raw_status) == (
            "gd1g1",
            OrderState.PENDING,
            "Pending",
        )
        assert order.face == Money(amount=20_00, currency="USD")
        (card,) = await book(NAME)
        assert (card["key"], card["amount"], card["currency"]) == ("gd1g1", 20_00, "USD")
        assert card["provider_order_id"] == order.provider_order_id

    async def test_the_charge_is_stored_beside_the_face_value(
        self, partners: GiftCardPartners, request_for: Wanted
    ) -> None:
        order = await partners.place_order(request_for())
        # The catalogue's fee of 0.50 and discount of 2 percent.
        assert order.charged == Money(amount=20_10, currency="USD")

    async def test_cents_arrive_exactly(
        self, partners: GiftCardPartners, request_for: Wanted, book: Book
    ) -> None:
        await partners.place_order(request_for(face=Money(amount=19_99, currency="USD")))
        assert (await book(NAME))[0]["amount"] == 19_99

    async def test_another_currency_arrives_exactly(
        self, partners: GiftCardPartners, request_for: Wanted, book: Book
    ) -> None:
        face = Money(amount=5_55, currency="EUR")
        order = await partners.place_order(request_for(product_id="ZALANDO-DE", face=face))
        assert order.face == face
        assert (await book(NAME))[0]["currency"] == "EUR"

    async def test_by_text_message(
        self, partners: GiftCardPartners, request_for: Wanted, book: Book
    ) -> None:
        await partners.place_order(request_for(delivery=Delivery.SMS))
        assert len(await book(NAME)) == 1

    async def test_a_plastic_card_is_shipped(
        self, partners: GiftCardPartners, request_for: Wanted, book: Book
    ) -> None:
        recipient = Recipient(name="Ann Lee", address=ADDRESS)
        plastic = request_for(
            product_id="FOLDER-CARD",
            face=Money(amount=25_00, currency="USD"),
            delivery=Delivery.POST,
            recipient=recipient,
        )
        await partners.place_order(plastic)
        assert len(await book(NAME)) == 1

    async def test_the_webhook_goes_where_the_order_says(
        self, partners: GiftCardPartners, request_for: Wanted, outside: httpx.AsyncClient
    ) -> None:
        url = f"http://127.0.0.1:{free_port()}/hooks/{NAME}/token"
        await partners.place_order(request_for(callback_url=url))

        async def tried() -> bool:
            stats = (await outside.get("/_control/stats")).json()[NAME]
            return bool(stats["webhooks_failed"] or stats["webhooks_waiting"])

        await eventually(tried)


class TestRepeats:
    async def test_a_key_already_used_names_the_first_order(
        self, partners: GiftCardPartners, request_for: Wanted, book: Book
    ) -> None:
        first = await partners.place_order(request_for())
        with pytest.raises(KeyAlreadyUsed) as used:
            await partners.place_order(request_for())
        assert used.value.provider_order_id == first.provider_order_id
        assert len(await book(NAME)) == 1

    async def test_the_order_that_a_lost_answer_left_can_be_read_by_that_name(
        self, partners: GiftCardPartners, request_for: Wanted, control: Control
    ) -> None:
        await control("faults", seed=1, rates={"drop_after": 1})
        with pytest.raises(OutcomeUnknown):
            await partners.place_order(request_for())
        await control("faults", seed=1, rates={})
        with pytest.raises(KeyAlreadyUsed) as used:
            await partners.place_order(request_for())
        found = await partners.get_order(used.value.provider_order_id or "", "USD")
        assert (found.key, found.face) == ("gd1g1", Money(amount=20_00, currency="USD"))

    async def test_ten_at_once_make_one_card(
        self, partners: GiftCardPartners, request_for: Wanted, book: Book
    ) -> None:
        outcomes = await asyncio.gather(
            *(partners.place_order(request_for()) for _ in range(10)), return_exceptions=True
        )
        used = [outcome for outcome in outcomes if isinstance(outcome, KeyAlreadyUsed)]
        assert len(used) == 9
        assert len(await book(NAME)) == 1


class TestDefiniteRefusals:
    async def test_an_empty_deposit(
        self, partners: GiftCardPartners, request_for: Wanted, control: Control, book: Book
    ) -> None:
        await control("funds", provider=NAME, amount=5_00)
        with pytest.raises(InsufficientFunds):
            await partners.place_order(request_for())
        assert await book(NAME) == []

    async def test_the_same_key_once_the_deposit_is_funded(
        self, partners: GiftCardPartners, request_for: Wanted, control: Control, book: Book
    ) -> None:
        await control("funds", provider=NAME, amount=0)
        with pytest.raises(InsufficientFunds):
            await partners.place_order(request_for())
        await control("funds", provider=NAME, amount=100_00)
        await partners.place_order(request_for())
        assert len(await book(NAME)) == 1

    @pytest.mark.parametrize(
        "wrong",
        [
            {"product_id": "NO-SUCH"},
            {"face": Money(amount=50, currency="USD")},
            {"recipient": Recipient(email="nobody")},
            {"delivery": Delivery.POST, "recipient": Recipient(name="Ann", address=ADDRESS)},
        ],
    )
    async def test_an_order_that_cannot_be(
        self,
        partners: GiftCardPartners,
        request_for: Wanted,
        book: Book,
        wrong: dict[str, Any],
    ) -> None:
        with pytest.raises(OrderRejected) as refusal:
            await partners.place_order(request_for(**wrong))
        assert refusal.value.detail.startswith("the provider refused the order: ")
        assert await book(NAME) == []


class TestCredential:
    async def test_one_token_serves_many_calls(
        self, partners: GiftCardPartners, request_for: Wanted
    ) -> None:
        order = await partners.place_order(request_for())
        token = partners._token
        await partners.get_order(order.provider_order_id, "USD")
        assert partners._token == token

    async def test_a_token_that_was_revoked_is_renewed_and_the_order_placed_once(
        self, partners: GiftCardPartners, request_for: Wanted, control: Control, book: Book
    ) -> None:
        await partners.place_order(request_for("gd1g1"))
        await control("tokens", provider=NAME, revoke=True)
        await partners.place_order(request_for("gd2g1"))
        assert [card["key"] for card in await book(NAME)] == ["gd1g1", "gd2g1"]

    async def test_a_token_is_renewed_before_it_expires(
        self, partners: GiftCardPartners, request_for: Wanted, control: Control
    ) -> None:
        await control("tokens", provider=NAME, seconds=1)
        order = await partners.place_order(request_for())
        token = partners._token
        await asyncio.sleep(0.95)
        await partners.get_order(order.provider_order_id, "USD")
        assert partners._token != token

    @pytest.mark.parametrize("status", [401, 403])
    async def test_a_refused_credential_is_a_fault_of_the_configuration(
        self,
        partners: GiftCardPartners,
        request_for: Wanted,
        control: Control,
        book: Book,
        status: int,
    ) -> None:
        await partners.place_order(request_for("gd1g1"))
        await control("credentials", provider=NAME, accept=False, status=status)
        with pytest.raises(ProviderMisconfigured):
            await partners.place_order(request_for("gd2g1"))
        with pytest.raises(ProviderMisconfigured):
            await partners.get_order("any", "USD")
        assert len(await book(NAME)) == 1

    async def test_no_secret_stands_in_a_refusal(
        self, partners: GiftCardPartners, request_for: Wanted, control: Control
    ) -> None:
        await control("credentials", provider=NAME, accept=False, status=401)
        with pytest.raises(ProviderMisconfigured) as refusal:
            await partners.place_order(request_for())
        assert "secret" not in refusal.value.detail


class TestRate:
    async def test_too_many_requests_were_not_processed(
        self, partners: GiftCardPartners, request_for: Wanted, control: Control, book: Book
    ) -> None:
        await partners.place_order(request_for("gd1g1"))
        await control("rate", provider=NAME, per_second=0.001)
        await asyncio.gather(
            *(partners.place_order(request_for(f"gd2g{n}")) for n in range(2)),
            return_exceptions=True,
        )
        with pytest.raises(RateLimited):
            await partners.place_order(request_for("gd3g1"))
        assert "gd3g1" not in [card["key"] for card in await book(NAME)]


class TestUnknownOutcomes:
    @pytest.mark.parametrize(
        ("fault", "cards"),
        [
            ("drop_before", 0),
            ("drop_after", 1),
            ("error_before", 0),
            ("error_after", 1),
            ("garbage", 1),
        ],
    )
    async def test_whatever_the_provider_really_did(
        self,
        partners: GiftCardPartners,
        request_for: Wanted,
        control: Control,
        book: Book,
        fault: str,
        cards: int,
    ) -> None:
        await control("faults", seed=1, rates={fault: 1})
        with pytest.raises(OutcomeUnknown):
            await partners.place_order(request_for())
        assert len(await book(NAME)) == cards

    @pytest.mark.parametrize("status", [500, 502, 503, 504])
    async def test_every_5xx(
        self, partners: GiftCardPartners, request_for: Wanted, control: Control, status: int
    ) -> None:
        await control("faults", seed=1, rates={"error_after": 1}, statuses=[status])
        with pytest.raises(OutcomeUnknown, match=str(status)):
            await partners.place_order(request_for())

    async def test_a_slow_answer_is_given_up_in_time(
        self, hurried: GiftCardPartners, request_for: Wanted, control: Control, book: Book
    ) -> None:
        await control("faults", seed=1, rates={"slow": 1}, slow_seconds=20)
        began = asyncio.get_running_loop().time()
        with pytest.raises(OutcomeUnknown, match=r"no answer within 0\.5 s"):
            await hurried.place_order(request_for())
        assert asyncio.get_running_loop().time() - began < 3
        assert len(await book(NAME)) == 1

    async def test_the_same_key_resolves_it(
        self, partners: GiftCardPartners, request_for: Wanted, control: Control, book: Book
    ) -> None:
        await control("faults", seed=1, rates={"drop_before": 1})
        with pytest.raises(OutcomeUnknown):
            await partners.place_order(request_for())
        await control("faults", seed=1, rates={})
        await partners.place_order(request_for())
        assert len(await book(NAME)) == 1


class TestNotSent:
    async def test_a_refused_connection_means_not_sent(self, request_for: Wanted) -> None:
        adapter = adapter_at(f"http://127.0.0.1:{free_port()}")
        with pytest.raises(NotSent, match="no connection"):
            await adapter.place_order(request_for())
        await adapter.close()

    async def test_a_read_that_is_refused(self, partners: GiftCardPartners) -> None:
        with pytest.raises(NotSent, match="404"):
            await partners.get_order("no-such-order", "USD")


class TestStatus:
    async def ordered(
        self, partners: GiftCardPartners, request_for: Wanted, control: Control, outcome: str
    ) -> str:
        await control("delivery", provider=NAME, seconds=0, outcome=outcome)
        order = await partners.place_order(request_for())
        return order.provider_order_id

    async def test_completed_is_issued_and_counts_as_sent(
        self, partners: GiftCardPartners, request_for: Wanted, control: Control
    ) -> None:
        order_id = await self.ordered(partners, request_for, control, "delivered")

        async def completed() -> bool:
            return (await partners.get_order(order_id, "USD")).raw_status == "Completed"

        await eventually(completed)
        order = await partners.get_order(order_id, "USD")
        assert (order.state, order.delivery) == (OrderState.ISSUED, DeliveryState.SENT)
        assert order.recognised
        assert order.secret is None

    @pytest.mark.parametrize("word", ["Marinating", "failed"])
    async def test_a_word_that_nobody_documents_is_pending_and_said_to_be_unknown(
        self, partners: GiftCardPartners, request_for: Wanted, control: Control, word: str
    ) -> None:
        order_id = await self.ordered(partners, request_for, control, word)

        async def changed() -> bool:
            return (await partners.get_order(order_id, "USD")).raw_status != "Pending"

        await eventually(changed)
        order = await partners.get_order(order_id, "USD")
        assert order.raw_status.lower() == word.lower()
        assert (order.state, order.delivery) == (OrderState.PENDING, DeliveryState.PENDING)
        assert not order.recognised

    async def test_a_links_order_brings_its_link_and_challenge(
        self, partners: GiftCardPartners, request_for: Wanted, control: Control
    ) -> None:
        await control("delivery", provider=NAME, seconds=0, outcome="delivered")
        pending = await partners.place_order(request_for(delivery=Delivery.LINK))

        async def has_link() -> bool:
            order = await partners.get_order(pending.provider_order_id, "USD")
            return order.secret is not None

        await eventually(has_link)
        order = await partners.get_order(pending.provider_order_id, "USD")
        assert (order.state, order.delivery) == (OrderState.ISSUED, DeliveryState.NOT_APPLICABLE)
        assert order.secret is not None
        assert order.secret.link.startswith("https://")
        assert order.secret.challenge_answer
        assert order.secret.link not in repr(order)


class TestFindOrder:
    async def test_finds_the_order_of_a_key(
        self, partners: GiftCardPartners, request_for: Wanted
    ) -> None:
        for n in range(3):
            await partners.place_order(request_for(f"gd{n}g1"))
        (found,) = await partners.find_order("gd1g1", "USD", not_before=LONG_AGO)
        assert found.key == "gd1g1"

    async def test_finds_nothing_for_a_key_that_was_never_used(
        self, partners: GiftCardPartners, request_for: Wanted
    ) -> None:
        await partners.place_order(request_for())
        assert await partners.find_order("gd9g1", "USD", not_before=LONG_AGO) == []

    async def test_finds_two_orders_under_one_key(
        self, partners: GiftCardPartners, request_for: Wanted, outside: httpx.AsyncClient
    ) -> None:
        await partners.place_order(request_for())
        twin = {"key": "gd1g1", "amount": 20_00, "currency": "USD"}
        tampered = await outside.post("/_control/tamper", json={"provider": NAME, "add": [twin]})
        assert tampered.is_success
        assert len(await partners.find_order("gd1g1", "USD", not_before=LONG_AGO)) == 2

    async def test_looks_on_every_page(
        self, partners: GiftCardPartners, outside: httpx.AsyncClient
    ) -> None:
        cards = [{"key": f"gd{n}g1", "amount": 100, "currency": "USD"} for n in range(120)]
        await outside.post("/_control/tamper", json={"provider": NAME, "add": cards})
        for key in ("gd0g1", "gd60g1", "gd119g1"):
            assert len(await partners.find_order(key, "USD", not_before=LONG_AGO)) == 1


class TestProducts:
    async def test_an_open_value_product_has_a_range(self, partners: GiftCardPartners) -> None:
        products = {product.id: product async for product in partners.products()}
        cvs = products["CVS"]
        assert cvs.smallest == Money(amount=1_00, currency="USD")
        assert cvs.largest == Money(amount=500_00, currency="USD")
        assert cvs.fixed == ()
        assert Delivery.EMAIL in cvs.deliveries

    async def test_a_fixed_product_has_its_values(self, partners: GiftCardPartners) -> None:
        products = {product.id: product async for product in partners.products()}
        amazon = products["AMAZON"]
        assert [money.amount for money in amazon.fixed] == [10_00, 25_00, 50_00, 100_00]
        assert (amazon.smallest, amazon.largest) == (None, None)

    async def test_a_product_says_how_it_can_be_delivered(self, partners: GiftCardPartners) -> None:
        products = {product.id: product async for product in partners.products()}
        assert products["CHOICE"].deliveries == {Delivery.LINK}
        assert products["VISA-PLASTIC"].deliveries == {Delivery.POST}

    async def test_a_product_of_another_currency_says_so(self, partners: GiftCardPartners) -> None:
        products = {product.id: product async for product in partners.products()}
        assert products["ZALANDO-DE"].smallest == Money(amount=5_00, currency="EUR")
