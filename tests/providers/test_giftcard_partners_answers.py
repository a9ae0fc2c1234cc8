"""The GiftCard Partners adapter and answers that the simulator never gives: other spellings,
other shapes, and none that makes sense. Nothing but the closed set of outcomes comes of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from domain.money import Money
from domain.orders import DeliveryState, OrderRequest, OrderState, Recipient
from domain.rewards import Delivery, Personalization
from providers.giftcard_partners import GiftCardPartners, GiftCardPartnersSettings, order_body
from providers.http import retry_after
from providers.outcomes import (
    KeyAlreadyUsed,
    NotSent,
    OrderRejected,
    OutcomeUnknown,
    ProviderError,
    ProviderMisconfigured,
)

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
TOKEN = (200, {"Value": "jwt", "ExpiresIn": 3600})
UNREADABLE = [b"", b"<html>", b"null", b"[]", b'"Completed"', b"{}", b'{"id": "trunc', b"\xff"]
ADDRESS = {
    "line_1": "1 Main Street",
    "line_2": "Apt 2",
    "city": "Springfield",
    "state": "IL",
    "postal_code": "62701",
    "country": "US",
}

Wanted = Callable[..., OrderRequest]


@pytest.fixture
async def partners(scripted: Any) -> AsyncIterator[GiftCardPartners]:
    settings = GiftCardPartnersSettings.model_validate(
        {"url": scripted.url, "email": "buyer@example.com", "access_token": "secret"}
    )
    adapter = GiftCardPartners(settings, within=5)
    yield adapter
    await adapter.close()


def answer(**changes: Any) -> dict[str, Any]:
    """An order as the eGifter contract writes it."""
    line = {"id": "l1", "productId": "CVS", "value": 20.0, "cost": 19.4, "quantity": 1}
    order = {"id": "o1", "type": "DigitalDelivery", "status": "Pending", "poNumber": "gd1g1"}
    return order | {"lineItems": [line]} | changes


def pascal(value: Any) -> Any:
    """The same with names as GiftCard Partners' documents write them."""
    if isinstance(value, dict):
        return {name[0].upper() + name[1:]: pascal(member) for name, member in value.items()}
    return [pascal(member) for member in value] if isinstance(value, list) else value


class TestSpelling:
    async def test_pascal_case_reads_like_camel_case(
        self, scripted: Any, partners: GiftCardPartners, request_for: Wanted
    ) -> None:
        scripted.answers = [TOKEN, (201, answer()), (201, pascal(answer()))]
        camel = await partners.place_order(request_for())
        assert await partners.place_order(request_for()) == camel
        assert camel.key == "gd1g1"
        assert camel.charged == Money(amount=19_40, currency="USD")

    async def test_a_claim_link_in_pascal_case_is_found(
        self, scripted: Any, partners: GiftCardPartners
    ) -> None:
        claim = {"claimLink": "https://claim.example/1", "claimLinkChallengeAnswer": "42"}
        line = {"value": 20, "cost": 20, "quantity": 1, "claimData": [claim]}
        order = answer(type="Links", status="Completed", lineItems=[line])
        scripted.answers = [TOKEN, (200, pascal(order))]
        found = await partners.get_order("o1", "USD")
        assert found.secret is not None
        assert (found.secret.link, found.secret.challenge_answer) == (
            "https://claim.example/1",
            "42",
        )

    async def test_statuses_read_in_any_case(
        self, scripted: Any, partners: GiftCardPartners
    ) -> None:
        scripted.answers = [TOKEN, (200, answer(status="COMPLETED"))]
        assert (await partners.get_order("o1", "USD")).state is OrderState.ISSUED

    async def test_an_order_key_comes_back_in_lower_case(
        self, scripted: Any, partners: GiftCardPartners
    ) -> None:
        shouted = answer(poNumber="GD1G1")
        scripted.answers = [TOKEN, (200, shouted), (200, {"data": [shouted]})]
        assert (await partners.get_order("o1", "USD")).key == "gd1g1"
        assert len(await partners.find_order("gd1g1", "USD", not_before=LONG_AGO)) == 1


class TestDuplicates:
    @pytest.mark.parametrize(
        ("body", "named"),
        [
            ({"previousOrderIds": ["o1", "o2"]}, "o1"),
            ({"PreviousOrderIds": ["o1"]}, "o1"),
            ({"previousOrderId": "o1"}, "o1"),
            ({"Id": "o1"}, "o1"),
            ({"id": 17}, "17"),
            ({"previousOrderIds": []}, None),
            ({"message": "Duplicate PONumber."}, None),
            (["o1"], None),
            (b"Conflict", None),
            (b"", None),
        ],
    )
    async def test_the_first_order_is_named_wherever_it_stands(
        self,
        scripted: Any,
        partners: GiftCardPartners,
        request_for: Wanted,
        body: Any,
        named: str | None,
    ) -> None:
        scripted.answers = [TOKEN, (409, body)]
        with pytest.raises(KeyAlreadyUsed) as used:
            await partners.place_order(request_for())
        assert used.value.provider_order_id == named


class TestUnreadableAnswers:
    @pytest.mark.parametrize("body", UNREADABLE)
    async def test_to_an_order_leave_its_outcome_unknown(
        self, scripted: Any, partners: GiftCardPartners, request_for: Wanted, body: bytes
    ) -> None:
        scripted.answers = [TOKEN, (201, body)]
        with pytest.raises(OutcomeUnknown):
            await partners.place_order(request_for())

    @pytest.mark.parametrize(
        "changes",
        [
            {"id": None, "status": None},
            {"lineItems": "none"},
            {"lineItems": [None]},
        ],
    )
    async def test_of_odd_members_leave_its_outcome_unknown(
        self,
        scripted: Any,
        partners: GiftCardPartners,
        request_for: Wanted,
        changes: dict[str, Any],
    ) -> None:
        scripted.answers = [TOKEN, (201, answer(**changes))]
        with pytest.raises(OutcomeUnknown):
            await partners.place_order(request_for())

    @pytest.mark.parametrize(
        ("cost", "charged", "raw"),
        [
            (19.4, 19_40, None),
            (19.404, 19_40, "19.404"),
            (19.405, 19_41, "19.405"),
            ("0.004999", 0, "0.004999"),
            ("twenty", None, None),
            (None, None, None),
        ],
    )
    async def test_no_price_makes_an_order_unreadable(
        self,
        scripted: Any,
        partners: GiftCardPartners,
        request_for: Wanted,
        cost: Any,
        charged: int | None,
        raw: str | None,
    ) -> None:
        line = {"productId": "CVS", "value": 20.0, "cost": cost, "quantity": 1}
        scripted.answers = [TOKEN, (201, answer(lineItems=[line]))]
        order = await partners.place_order(request_for())
        assert order.face == Money(amount=20_00, currency="USD")
        assert (order.charged.amount if order.charged else None, order.raw_charge) == (charged, raw)

    async def test_a_face_value_that_is_no_number_is_left_open(
        self, scripted: Any, partners: GiftCardPartners, request_for: Wanted
    ) -> None:
        scripted.answers = [TOKEN, (201, answer(lineItems=[{"value": "twenty"}]))]
        order = await partners.place_order(request_for())
        assert (order.provider_order_id, order.face) == ("o1", None)

    @pytest.mark.parametrize("body", UNREADABLE)
    async def test_to_a_read_are_read_again_later(
        self, scripted: Any, partners: GiftCardPartners, body: bytes
    ) -> None:
        scripted.answers = [TOKEN, (200, body)]
        with pytest.raises(NotSent):
            await partners.get_order("o1", "USD")

    @pytest.mark.parametrize("body", [b"", b"<html>", b'{"data": [{}, ', b'{"data": 7}', b"7"])
    async def test_to_a_search_are_searched_again_later(
        self, scripted: Any, partners: GiftCardPartners, body: bytes
    ) -> None:
        scripted.answers = [TOKEN, (200, body)]
        with pytest.raises(NotSent):
            await partners.find_order("gd1g1", "USD", not_before=LONG_AGO)

    async def test_of_the_order_that_was_searched_for(
        self, scripted: Any, partners: GiftCardPartners
    ) -> None:
        scripted.answers = [TOKEN, (200, {"data": [{"poNumber": "gd1g1"}]})]
        with pytest.raises(NotSent):
            await partners.find_order("gd1g1", "USD", not_before=LONG_AGO)

    @pytest.mark.parametrize("body", [b"<html>", {"data": [{"Id": "CVS"}]}])
    async def test_to_the_catalogue_are_read_again_later(
        self, scripted: Any, partners: GiftCardPartners, body: Any
    ) -> None:
        scripted.answers = [TOKEN, (200, body)]
        with pytest.raises(NotSent):
            _ = [product async for product in partners.products()]

    @pytest.mark.parametrize(
        "token", [b"<html>", b"[]", b"{}", {"Value": "jwt"}, {"ExpiresIn": 3600}, {"Value": 1}]
    )
    async def test_to_the_token_request_send_no_order(
        self, scripted: Any, partners: GiftCardPartners, request_for: Wanted, token: Any
    ) -> None:
        scripted.answers = [(200, token)]
        with pytest.raises(NotSent):
            await partners.place_order(request_for())
        assert [line for line, _ in scripted.asked] == ["POST /v1/Tokens"]

    @pytest.mark.parametrize("methods", [b"<html>", [], [{}], {"Id": "USPS"}, [7]])
    async def test_to_the_shipping_methods_send_no_order(
        self, scripted: Any, partners: GiftCardPartners, request_for: Wanted, methods: Any
    ) -> None:
        plastic = request_for(
            delivery=Delivery.POST, recipient=Recipient(name="Ann", address=ADDRESS)
        )
        scripted.answers = [TOKEN, (200, methods)]
        with pytest.raises(NotSent):
            await partners.place_order(plastic)
        assert "POST /v1/Orders" not in [line for line, _ in scripted.asked]

    @pytest.mark.parametrize("status", [302, 404, 405, 415])
    async def test_of_an_unforeseen_status_leave_the_outcome_unknown(
        self, scripted: Any, partners: GiftCardPartners, request_for: Wanted, status: int
    ) -> None:
        scripted.answers = [TOKEN, (status, b"")]
        with pytest.raises(OutcomeUnknown, match=str(status)):
            await partners.place_order(request_for())

    async def test_quote_nothing_of_the_answer(
        self, scripted: Any, partners: GiftCardPartners, request_for: Wanted
    ) -> None:
        line = {"value": 20, "claimData": ["https://claim.example/s3cr3t"]}
        scripted.answers = [TOKEN, (201, answer(lineItems=[line]))]
        with pytest.raises(OutcomeUnknown) as unknown:
            await partners.place_order(request_for())
        assert "s3cr3t" not in unknown.value.detail


class TestLinks:
    async def test_a_completed_order_whose_link_is_not_there_yet_is_followed(
        self, scripted: Any, partners: GiftCardPartners
    ) -> None:
        scripted.answers = [TOKEN, (200, answer(type="Links", status="Completed"))]
        order = await partners.get_order("o1", "USD")
        assert (order.state, order.delivery) == (OrderState.ISSUED, DeliveryState.PENDING)


class TestRefusals:
    async def refused(
        self, scripted: Any, partners: GiftCardPartners, wanted: OrderRequest, body: Any
    ) -> str:
        scripted.answers = [TOKEN, (400, body)]
        with pytest.raises(OrderRejected) as refusal:
            await partners.place_order(wanted)
        return refusal.value.detail

    @pytest.mark.parametrize("body", [b"", b"<html>", [], {}, b"null", {"message": None}])
    async def test_without_words_is_still_a_refusal(
        self, scripted: Any, partners: GiftCardPartners, request_for: Wanted, body: Any
    ) -> None:
        assert "refused" in await self.refused(scripted, partners, request_for(), body)

    async def test_keeps_the_providers_reason_short(
        self, scripted: Any, partners: GiftCardPartners, request_for: Wanted
    ) -> None:
        body = {"Message": "Value is no denomination. " * 50}
        detail = await self.refused(scripted, partners, request_for(), body)
        assert "Value is no denomination." in detail
        assert len(detail) < 300

    async def test_repeats_nothing_of_the_recipient(
        self, scripted: Any, partners: GiftCardPartners, request_for: Wanted
    ) -> None:
        body = {"message": "'ann@example.com' is not a valid address for Ann Lee"}
        detail = await self.refused(scripted, partners, request_for(), body)
        assert "ann@example.com" not in detail
        assert "Lee" not in detail


class TestToken:
    async def test_a_401_is_answered_with_one_new_token_and_one_more_try(
        self, scripted: Any, partners: GiftCardPartners, request_for: Wanted
    ) -> None:
        scripted.answers = [TOKEN, (401, b""), TOKEN, (201, answer())]
        await partners.place_order(request_for())
        lines = [line for line, _ in scripted.asked]
        assert lines == ["POST /v1/Tokens", "POST /v1/Orders"] * 2

    async def test_a_second_401_is_the_last(
        self, scripted: Any, partners: GiftCardPartners, request_for: Wanted
    ) -> None:
        scripted.answers = [TOKEN, (401, b""), TOKEN, (401, b"")]
        with pytest.raises(ProviderMisconfigured):
            await partners.place_order(request_for())
        assert len(scripted.asked) == 4

    @pytest.mark.parametrize("status", [429, 500, 503, 504])
    async def test_none_to_be_had_now_sends_no_order(
        self, scripted: Any, partners: GiftCardPartners, request_for: Wanted, status: int
    ) -> None:
        scripted.answers = [(status, b"")]
        with pytest.raises(ProviderError) as outcome:
            await partners.place_order(request_for())
        assert type(outcome.value).__name__ in {"NotSent", "RateLimited"}
        assert len(scripted.asked) == 1

    async def test_ten_calls_that_meet_a_dead_token_renew_it_once(self) -> None:
        tokens, asked = 0, 0

        async def provider(request: httpx.Request) -> httpx.Response:
            nonlocal tokens, asked
            if request.url.path == "/v1/Tokens":
                await asyncio.sleep(0.01)
                tokens += 1
                return httpx.Response(200, json={"Value": f"jwt{tokens}", "ExpiresIn": 3600})
            asked += 1
            await asyncio.sleep(0.02 * asked)  # so that the refusals come one after another
            dead = request.headers["authorization"] == "Bearer jwt1"
            return httpx.Response(401) if dead else httpx.Response(200, json=answer())

        settings = GiftCardPartnersSettings.model_validate(
            {"url": "http://partners", "email": "buyer@example.com", "access_token": "secret"}
        )
        adapter = GiftCardPartners(settings, within=5)
        await adapter.close()
        adapter._http = httpx.AsyncClient(
            base_url="http://partners", transport=httpx.MockTransport(provider)
        )
        await asyncio.gather(*(adapter.get_order("o1", "USD") for _ in range(10)))
        await adapter.close()
        assert tokens == 2


class TestPages:
    async def test_a_bare_list_is_a_page(self, scripted: Any, partners: GiftCardPartners) -> None:
        scripted.answers = [TOKEN, (200, [answer()])]
        assert len(await partners.find_order("gd1g1", "USD", not_before=LONG_AGO)) == 1

    async def test_the_last_page_is_the_one_that_is_not_full(
        self, scripted: Any, partners: GiftCardPartners
    ) -> None:
        full = {"data": [answer(poNumber=f"gd{n}g1") for n in range(50)]}
        scripted.answers = [TOKEN, (200, full), (200, {"data": []})]
        assert await partners.find_order("none", "USD", not_before=LONG_AGO) == []
        assert "pageIndex=2" in scripted.asked[-1][0]


class TestRetryAfter:
    @pytest.mark.parametrize(
        ("header", "wait"),
        [("7", timedelta(seconds=7)), ("", None), ("Wed, 21 Oct 2026 07:28:00 GMT", None)],
    )
    def test_is_read_when_it_gives_seconds(self, header: str, wait: timedelta | None) -> None:
        assert retry_after(httpx.Response(429, headers={"retry-after": header})) == wait


class TestBody:
    def order(self, request_for: Wanted, **changes: Any) -> dict[str, Any]:
        return order_body(request_for(**changes))

    def test_carries_our_key_and_major_units(self, request_for: Wanted) -> None:
        body = self.order(request_for, face=Money(amount=19_99, currency="USD"))
        assert body["PONumber"] == "gd1g1"
        assert json.dumps(body["LineItems"][0]["Value"]) == "19.99"
        assert body["LineItems"][0]["Quantity"] == 1

    def test_by_e_mail_names_the_address_alone(self, request_for: Wanted) -> None:
        body = self.order(request_for)
        assert body["Type"] == "DigitalDelivery"
        assert body["LineItems"][0]["DigitalDeliveryAddress"] == {"Email": "ann@example.com"}

    def test_by_text_message_names_the_phone_alone(self, request_for: Wanted) -> None:
        body = self.order(request_for, delivery=Delivery.SMS)
        assert body["Type"] == "DigitalDelivery"
        assert body["LineItems"][0]["DigitalDeliveryAddress"] == {"Sms": "+15551234567"}

    def test_as_a_link_names_no_address(self, request_for: Wanted) -> None:
        body = self.order(request_for, delivery=Delivery.LINK)
        assert body["Type"] == "Links"
        assert "ann@example.com" not in json.dumps(body)

    def test_by_post_names_the_postal_address(self, request_for: Wanted) -> None:
        recipient = Recipient(name="Ann Lee", address=ADDRESS)
        body = self.order(request_for, delivery=Delivery.POST, recipient=recipient)
        assert body["Type"] == "PhysicalShipment"
        assert body["LineItems"][0]["PhysicalDeliveryAddress"] == {
            "Name": "Ann Lee",
            "AddressLine1": "1 Main Street",
            "AddressLine2": "Apt 2",
            "City": "Springfield",
            "State": "IL",
            "Zip": "62701",
            "Country": "US",
        }

    def test_carries_the_words_on_the_card(self, request_for: Wanted) -> None:
        words = Personalization(from_name="Acme", from_email="a@acme.test", message="Thanks!")
        body = self.order(request_for, personalization=words)
        assert body["LineItems"][0]["Personalization"] == {
            "To": "Ann Lee",
            "FromName": "Acme",
            "FromEmail": "a@acme.test",
            "Message": "Thanks!",
        }

    def test_tells_the_provider_where_to_call_back(self, request_for: Wanted) -> None:
        url = "https://guerdon.example/hooks/giftcard-partners/t0ken"
        body = self.order(request_for, callback_url=url)
        assert body["WebhookSettings"] == {"FulfillmentComplete": url}
        assert "WebhookSettings" not in self.order(request_for)
