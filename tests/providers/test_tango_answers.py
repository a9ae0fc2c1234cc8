"""Answers that the simulator never gives: every number of the error catalogue that matters, every
status word, answers of unforeseen shape, and what must not be told of them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from domain.money import Money
from domain.orders import DeliveryState, OrderState, Recipient, RedemptionState
from domain.rewards import Delivery
from providers import tango_messages as says
from providers.outcomes import (
    InsufficientFunds,
    KeyAlreadyUsed,
    KeyConflict,
    KeyInProgress,
    NotSent,
    OrderRejected,
    OutcomeUnknown,
    ProviderMisconfigured,
    RateLimited,
)
from tests.providers.test_tango import opened

SECRET = "https://claim.example/the-secret"
BARE = {"referenceOrderID": "RA1", "status": "COMPLETE"}


def order(**changes):
    """`GET /orders/{id}`, as Tango's reference shows it."""
    return {
        "referenceOrderID": "RA250101-1-1",
        "externalRefID": "gd1g1",
        "utid": "U000001",
        "status": "COMPLETE",
        "deliveryMethod": "EMAIL",
        "denomination": {"value": Decimal("20.00"), "currencyCode": "USD"},
        "amountCharged": {
            "value": 20,
            "currencyCode": "USD",
            "exchangeRate": 1,
            "total": Decimal("20.5"),
        },
        "recipient": {"email": "ann@example.com", "firstName": "Ann"},
        "reward": {"credentialList": [{"value": SECRET, "credentialType": "redemptionUrl"}]},
        "createdAt": "2026-09-18T19:36:27.589Z",
        "somethingNew": {"nested": [1]},
    } | changes


def error(status, *keys, field_keys=()):
    fields = [{"path": "utid", "i18nKey": key, "message": f"words of {key}"} for key in field_keys]
    body = {"httpCode": status, "message": "Words.", "errors": fields}
    return status, body | ({"i18nKey": keys[0]} if keys else {})


@pytest.fixture
async def tango(scripted):
    adapter = opened(f"{scripted.url}/raas/v2", within=2)
    yield adapter
    await adapter.close()


@pytest.fixture
def asked(request_for):
    def build(**changes):
        return request_for(**({"product_id": "U000001"} | changes))

    return build


class TestRefusals:
    @pytest.mark.parametrize(
        ("answer", "outcome"),
        [
            (error(400, "400.001"), OrderRejected),
            (error(401, "401.002"), ProviderMisconfigured),
            (error(402, "402.001"), InsufficientFunds),
            (error(403, "403.001"), ProviderMisconfigured),
            (error(403, "403.016"), OrderRejected),
            (error(404, "404.004"), ProviderMisconfigured),
            (error(404, "404.033"), OrderRejected),
            (error(409, "409.002"), KeyInProgress),
            (error(409, "409.024"), KeyAlreadyUsed),
            (error(409, "409.777"), OutcomeUnknown),
            (error(422, "422.001", field_keys=["422.025"]), OrderRejected),
            (error(422, "422.053"), ProviderMisconfigured),
            (error(428, "428.001"), OrderRejected),
            (error(429, "429.008"), RateLimited),
            (error(429, "429.005"), RateLimited),
            (error(429), RateLimited),
            (error(500, "500.021"), OutcomeUnknown),
            (error(503, "402.001"), OutcomeUnknown),
            # The documents' own sample: HTTP 400 around a number of another class.
            (error(400, field_keys=["422.024"]), OrderRejected),
            (error(400, "402.001"), InsufficientFunds),
            (error(400, "409.002"), KeyInProgress),
            (error(400, "429.008"), RateLimited),
            (error(400, "500.061"), OutcomeUnknown),
            ((302, b""), OutcomeUnknown),
            ((418, b"teapot"), OutcomeUnknown),
            ((502, b"<html>"), OutcomeUnknown),
        ],
    )
    async def test_by_number_and_class(self, tango, scripted, asked, answer, outcome):
        scripted.answers = [answer]
        with pytest.raises(outcome) as raised:
            await tango.place_order(asked())
        assert type(raised.value) is outcome
        assert len(scripted.asked) == 1

    async def test_the_field_is_told_before_the_whole(self, tango, scripted, asked):
        scripted.answers = [error(422, "422.001", field_keys=["422.025"])]
        with pytest.raises(OrderRejected, match=r"422\.025 words of 422\.025"):
            await tango.place_order(asked())

    @pytest.mark.parametrize(
        "said",
        [
            "ann@example.com is not an address",
            "Failed field recipient.firstName: Ann",
            "no mobile service for +15551234567",
        ],
    )
    async def test_the_recipient_is_not_told(self, tango, scripted, asked, said):
        fields = [{"i18nKey": "422.028", "message": said, "invalidValue": "ann@example.com"}]
        scripted.answers = [(422, {"i18nKey": "422.001", "errors": fields})]
        with pytest.raises(OrderRejected) as raised:
            await tango.place_order(asked())
        assert raised.value.detail == "refused: 422 422.028"


class TestUnreadable:
    @pytest.mark.parametrize(
        "answer",
        [
            (200, b'{"referenceOrderID": "trunc'),
            (201, b""),
            (200, b"\xff\xfe"),
            (200, []),
            (201, {}),
            (202, BARE),
            (201, {"referenceOrderID": "RA1", "reward": {"credentials": {"Link": SECRET}}}),
            (201, BARE | {"denomination": {"value": "much", "currencyCode": "USD"}}),
            (201, BARE | {"recipient": "ann@example.com"}),
        ],
    )
    async def test_is_unknown_and_quotes_nothing(self, tango, scripted, asked, answer):
        scripted.answers = [answer]
        with pytest.raises(OutcomeUnknown) as raised:
            await tango.place_order(asked())
        assert raised.value.__cause__ is None
        assert SECRET not in str(raised.value)
        assert "example.com" not in str(raised.value)

    @pytest.mark.parametrize(
        "changes",
        [
            {"amountCharged": None},
            {"amountCharged": {"total": "?", "currencyCode": "USD"}},
            {"amountCharged": {"total": 5, "currencyCode": "PTS"}},
            {"createdAt": "yesterday", "utid": None, "recipient": None},
        ],
    )
    def test_an_unreadable_minor_member_does_not_hide_the_card(self, changes):
        told = says.snapshot(order(**changes), "USD")
        assert (told.state, told.key) == (OrderState.ISSUED, "gd1g1")
        assert told.face == Money(amount=2000, currency="USD")

    async def test_a_read_that_fails_is_not_sent(self, tango, scripted):
        scripted.answers = [(500, b""), (200, b"<html>"), (200, {"status": "COMPLETE"})]
        for _ in range(3):
            with pytest.raises(NotSent):
                await tango.get_order("RA1", "USD")


class TestWords:
    @pytest.mark.parametrize(
        ("word", "state"),
        [
            ("COMPLETE", OrderState.ISSUED),
            ("complete", OrderState.ISSUED),
            ("FAILED", OrderState.FAILED),
            ("CANCELLED", OrderState.CANCELLED),
            ("PENDING", OrderState.PENDING),
            ("QUEUED", OrderState.PENDING),
            ("ON_HOLD", OrderState.PENDING),
            ("PENDING_MR", OrderState.PENDING),
            ("PENDING_KYB", OrderState.PENDING),
            ("PENDING_PAYMENT", OrderState.PENDING),
        ],
    )
    def test_order(self, word, state):
        told = says.snapshot(order(status=word), "USD")
        assert (told.state, told.recognised, told.raw_status) == (state, True, word)

    @pytest.mark.parametrize("word", ["PARTIAL", "DELETED", "FULFILLED", ""])
    def test_one_that_a_person_has_to_look_at(self, word):
        told = says.snapshot(order(status=word), "USD")
        assert (told.state, told.recognised) == (OrderState.PENDING, False)

    @pytest.mark.parametrize(
        ("word", "delivery"),
        [
            ("PENDING", DeliveryState.PENDING),
            ("DEFERRED", DeliveryState.PENDING),
            ("SENT", DeliveryState.SENT),
            ("DELIVERED", DeliveryState.DELIVERED),
            ("NOT_DELIVERED", DeliveryState.FAILED_RETRYABLE),
            ("BOUNCE", DeliveryState.FAILED_RETRYABLE),
            ("BLOCKED", DeliveryState.FAILED_RETRYABLE),
            ("DROPPED", DeliveryState.FAILED_PERMANENT),
        ],
    )
    def test_email(self, word, delivery):
        told = says.snapshot(order(), "USD", {"emailStatus": word, "deliveryStatus": "FAILED"})
        assert (told.delivery, told.recognised) == (delivery, True)
        assert told.raw_status == f"COMPLETE, {word}"

    @pytest.mark.parametrize(
        ("word", "delivery"),
        [
            ("PENDING", DeliveryState.PENDING),
            ("PROCESSING", DeliveryState.PENDING),
            ("DISPATCHED", DeliveryState.SENT),
            ("DELIVERED", DeliveryState.DELIVERED),
            ("ENGAGED", DeliveryState.DELIVERED),
            ("FAILED", DeliveryState.FAILED_RETRYABLE),
        ],
    )
    def test_text_message(self, word, delivery):
        line = {"emailStatus": None, "deliveryStatus": word}
        told = says.snapshot(order(deliveryMethod="PHONE"), "USD", line)
        assert (told.delivery, told.recognised) == (delivery, True)

    def test_an_unknown_delivery(self):
        told = says.snapshot(order(), "USD", {"emailStatus": "READ_ALOUD"})
        assert (told.delivery, told.recognised) == (DeliveryState.PENDING, False)

    @pytest.mark.parametrize("word", ["CANCELLED", "FAILED"])
    def test_the_line_item_outweighs_a_complete_order(self, word):
        told = says.snapshot(order(), "USD", {"status": word, "emailStatus": "DELIVERED"})
        assert told.state == OrderState(word.lower())
        assert told.delivery is DeliveryState.PENDING

    @pytest.mark.parametrize(
        ("word", "redemption"),
        [
            ("Redeemed", RedemptionState.REDEEMED),
            ("EXPIRED", RedemptionState.EXPIRED),
            ("CANCELLED", RedemptionState.CANCELLED),
            ("SOMETHING", RedemptionState.UNKNOWN),
            (None, RedemptionState.UNKNOWN),
        ],
    )
    def test_redemption(self, word, redemption):
        assert says.snapshot(order(), "USD", {"rewardStatus": word}).redemption is redemption


class TestSecret:
    @pytest.mark.parametrize("method", ["EMAIL", "PHONE", "WHATSAPP", "A_NEW_ONE"])
    def test_the_secret_of_a_card_that_tango_sends_is_not_stored(self, method):
        told = says.snapshot(order(deliveryMethod=method), "USD")
        assert told.secret is None
        assert SECRET not in told.model_dump_json()

    @pytest.mark.parametrize(
        "changes",
        [
            {"deliveryMethod": "NONE"},
            {"deliveryMethod": "EMBEDDED"},
            {"deliveryMethod": None, "sendEmail": False},
        ],
    )
    def test_a_link(self, changes):
        told = says.snapshot(order(**changes), "USD")
        assert told.secret is not None
        assert (told.secret.link, told.secret.challenge_answer) == (SECRET, None)

    def test_the_pin_is_the_answer(self):
        parts = [{"value": "1234"}, {"value": SECRET}, {"label": "empty"}]
        shown = order(deliveryMethod="NONE", reward={"credentialList": parts})
        told = says.snapshot(shown, "USD")
        assert told.secret is not None
        assert (told.secret.link, told.secret.challenge_answer) == (SECRET, "1234")


class TestAmounts:
    def test_doubles_are_read_as_they_are_written(self, scripted):
        shown = order(denomination={"value": Decimal("0.29"), "currencyCode": "USD"})
        assert says.snapshot(shown, None).face == Money(amount=29, currency="USD")

    def test_a_list_row_without_value(self):
        told = says.snapshot(order(denomination=None), None)
        assert told.face == Money(amount=2000, currency="USD")
        assert told.charged == Money(amount=2050, currency="USD")
        converted = {
            "value": 22,
            "total": 22,
            "currencyCode": "USD",
            "exchangeRate": Decimal("1.1"),
        }
        assert says.snapshot(order(denomination=None, amountCharged=converted), None).face is None


class TestBody:
    def test_email(self, asked):
        assert says.order_body(asked(), customer="c", account="a") == {
            "externalRefID": "gd1g1",
            "customerIdentifier": "c",
            "accountIdentifier": "a",
            "utid": "U000001",
            "amount": 20.0,
            "deliveryMethod": "EMAIL",
            "sendEmail": True,
            "message": "Thank you!",
            "sender": {"firstName": "Acme"},
            "recipient": {"firstName": "Ann", "lastName": "Lee", "email": "ann@example.com"},
        }

    def test_a_link_tells_tango_of_nobody(self, asked):
        body = says.order_body(asked(delivery=Delivery.LINK), customer="c", account="a")
        assert (body["deliveryMethod"], body["sendEmail"]) == ("NONE", False)
        assert "recipient" not in body

    def test_text_message(self, asked):
        body = says.order_body(asked(delivery=Delivery.SMS), customer="c", account="a")
        assert body["recipient"]["mobileNumber"] == "+15551234567"
        assert "email" not in body["recipient"]

    def test_names_that_tango_forbids(self, asked):
        ann = Recipient(name=f"<b>Ann/ {'x' * 200}", email="ann@example.com")
        recipient = says.order_body(asked(recipient=ann), customer="c", account="a")["recipient"]
        assert not set("<>/") & set("".join(recipient.values()))
        assert max(map(len, recipient.values())) <= 100

    @pytest.mark.parametrize(
        ("amount", "currency", "written"),
        [(29, "USD", 0.29), (1999, "USD", 19.99), (500, "JPY", 500)],
    )
    def test_amounts(self, asked, amount, currency, written):
        face = Money(amount=amount, currency=currency)
        body = says.order_body(asked(face=face), customer="c", account="a")
        assert body["amount"] == written


def test_a_replay_for_somebody_else_by_text_message(asked):
    wanted = asked(delivery=Delivery.SMS)
    theirs = order(deliveryMethod="PHONE", recipient={"mobileNumber": "+15557654321"})
    with pytest.raises(KeyConflict):
        says.compare(wanted, theirs)


def test_items_that_cannot_be_ordered():
    item = {
        "utid": "U1",
        "rewardName": "Card",
        "currencyCode": "USD",
        "status": "active",
        "minValue": Decimal("1.00"),
        "maxValue": 20,
    }
    product = says.product(item)
    assert product is not None
    assert product.largest == Money(amount=2000, currency="USD")
    for change in (
        {"status": "inactive"},
        {"fulfillmentType": "PHYSICAL"},
        {"currencyCode": "?"},
        {"minValue": None, "maxValue": None},
    ):
        assert says.product(item | change) is None
