"""What the Tremendous adapter makes of each answer: those that the facts name, those that nobody
has named yet, and those that cannot be read."""

from __future__ import annotations

import hashlib
import hmac
import json
import traceback
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.money import Money
from domain.orders import DeliveryState, OrderState
from domain.rewards import Delivery, Personalization
from providers.outcomes import (
    InsufficientFunds,
    KeyConflict,
    NotSent,
    OrderRejected,
    OutcomeUnknown,
    ProviderMisconfigured,
    RateLimited,
)
from providers.tremendous import Tremendous, TremendousSettings
from providers.webhooks import ProviderEvent, WebhookRefused

PRIVATE = ("ann lee", "ann@example.com", "5551234567", "live_key", "tremendous.example")


def order(**changes: Any) -> dict[str, Any]:
    """An order as it is answered; `changes` replace its members, `delivery` and `value` those of
    its reward."""
    reward = {
        "id": "REWARD000001",
        "order_id": "ORDER0000001",
        "value": changes.pop("value", {"denomination": 20.0, "currency_code": "USD"}),
        "delivery": changes.pop("delivery", {"method": "EMAIL", "status": "PENDING"}),
        "recipient": {"name": "Ann Lee", "email": "ann@example.com"},
    }
    whole = {
        "id": "ORDER0000001",
        "external_id": "gd1g1",
        "created_at": "2026-11-22T10:00:00.000Z",
        "status": "EXECUTED",
        "payment": {"subtotal": 20.0, "total": 20.0, "fees": 0, "currency_code": "USD"},
        "rewards": [reward],
        "colour": "a member that nobody knows",
    }
    return {"order": whole | changes}


@pytest.fixture
async def tremendous(scripted: Any) -> AsyncIterator[Tremendous]:
    adapter = Tremendous(TremendousSettings(url=scripted.url, api_key="live_key"), within=1)
    yield adapter
    await adapter.close()


class TestOutcomes:
    @pytest.mark.parametrize(
        ("status", "body", "outcome"),
        [
            (400, {"errors": {"message": "Create Order failed", "payload": {}}}, OrderRejected),
            (422, {"errors": {"message": "Funding source not found"}}, OrderRejected),
            (401, {"errors": {"message": "Unauthorized"}}, ProviderMisconfigured),
            (403, {"errors": {"message": "read_only key"}}, ProviderMisconfigured),
            (402, {"errors": {"message": "Not enough funds"}}, InsufficientFunds),
            (404, b"<html>no such page</html>", ProviderMisconfigured),
            (405, b"", ProviderMisconfigured),
            (410, {}, ProviderMisconfigured),
            (409, {"errors": {"message": "external_id is taken"}}, KeyConflict),
            (429, {"error": {"message": "Rate limit exceeded"}}, RateLimited),
            (500, {"errors": {"message": "Something went wrong"}}, OutcomeUnknown),
            (502, b"<html>bad gateway</html>", OutcomeUnknown),
            (503, b"", OutcomeUnknown),
            (504, {}, OutcomeUnknown),
            (302, b"", OutcomeUnknown),
            (408, b"", OutcomeUnknown),
            (418, {"errors": {"message": "a status never seen"}}, OutcomeUnknown),
        ],
    )
    async def test_of_each_status(self, tremendous, scripted, request_for, status, body, outcome):
        scripted.answers = [(status, body)]
        with pytest.raises(outcome) as raised:
            await tremendous.place_order(request_for())
        assert type(raised.value) is outcome
        assert len(scripted.asked) == 1

    @pytest.mark.parametrize("status", [200, 201])
    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"OK",
            b'{"order": {"id": "ORDER',
            [],
            {},
            {"order": None},
            {"order": []},
            {"order": {"id": "ORDER0000001"}},
            {"order": {"status": "EXECUTED"}},
            order(rewards="many"),
            order(rewards=[None]),
            order(payment="paid"),
        ],
    )
    async def test_a_success_that_cannot_be_read_is_unknown(
        self, tremendous, scripted, request_for, status, body
    ):
        scripted.answers = [(status, body)]
        with pytest.raises(OutcomeUnknown) as raised:
            await tremendous.place_order(request_for())
        told = "".join(traceback.format_exception(raised.value)).lower()
        assert not [private for private in PRIVATE if private in told]

    @pytest.mark.parametrize(
        "said",
        [
            "recipient ann@example.com is invalid",
            "Name 'Ann Lee' is not allowed",
            "+15551234567 cannot be texted",
        ],
    )
    async def test_a_reason_that_quotes_the_person_is_not_told(
        self, tremendous, scripted, request_for, said
    ):
        scripted.answers = [(400, {"errors": {"message": said, "payload": {"reward": said}}})]
        with pytest.raises(OrderRejected) as raised:
            await tremendous.place_order(request_for())
        assert raised.value.detail == "refused (400)"

    async def test_a_reason_is_told(self, tremendous, scripted, request_for):
        said = {"errors": {"message": "At least one valid product required"}}
        scripted.answers = [(400, said)]
        with pytest.raises(OrderRejected, match="At least one valid product required"):
            await tremendous.place_order(request_for())


class TestOrders:
    @pytest.mark.parametrize(
        ("word", "state", "recognised"),
        [
            ("OPEN", OrderState.PENDING, True),
            ("CART", OrderState.PENDING, True),
            ("PENDING APPROVAL", OrderState.PENDING, True),
            ("PENDING INTERNAL PAYMENT APPROVAL", OrderState.PENDING, True),
            ("PENDING SETTLEMENT", OrderState.PENDING, True),
            ("EXECUTED", OrderState.ISSUED, True),
            ("executed", OrderState.ISSUED, True),
            ("FAILED", OrderState.FAILED, True),
            ("CANCELED", OrderState.CANCELLED, True),
            ("PENDING MOONRISE", OrderState.PENDING, False),
            ("", OrderState.PENDING, False),
        ],
    )
    async def test_status_words(self, tremendous, scripted, word, state, recognised):
        scripted.answers = [(200, order(status=word))]
        seen = await tremendous.get_order("ORDER0000001", "USD")
        assert (seen.state, seen.recognised) == (state, recognised)
        assert seen.raw_status.startswith(word)

    @pytest.mark.parametrize(
        ("word", "delivery", "recognised"),
        [
            ("PENDING", DeliveryState.PENDING, True),
            ("SCHEDULED", DeliveryState.PENDING, True),
            ("SUCCEEDED", DeliveryState.DELIVERED, True),
            ("FAILED", DeliveryState.FAILED_RETRYABLE, True),
            ("ORBITING", DeliveryState.PENDING, False),
        ],
    )
    async def test_delivery_words(self, tremendous, scripted, word, delivery, recognised):
        scripted.answers = [(200, order(delivery={"method": "EMAIL", "status": word}))]
        seen = await tremendous.get_order("ORDER0000001", "USD")
        assert (seen.delivery, seen.recognised) == (delivery, recognised)
        assert seen.raw_status == f"EXECUTED/{word}"

    async def test_nothing_is_delivered_before_it_is_paid(self, tremendous, scripted):
        delivery = {"method": "EMAIL", "status": "SUCCEEDED"}
        scripted.answers = [(200, order(status="PENDING APPROVAL", delivery=delivery))]
        seen = await tremendous.get_order("ORDER0000001", "USD")
        assert seen.delivery is DeliveryState.PENDING

    async def test_a_refund_means_that_the_reward_was_cancelled(self, tremendous, scripted):
        payment = {"total": 20.0, "currency_code": "USD", "refund": {"total": 20.0}}
        scripted.answers = [(200, order(payment=payment))]
        seen = await tremendous.get_order("ORDER0000001", "USD")
        assert (seen.state, seen.raw_status) == (OrderState.CANCELLED, "EXECUTED/PENDING/refunded")
        scripted.answers = [(200, order(status="FAILED", payment=payment))]
        assert (await tremendous.get_order("X", "USD")).state is OrderState.FAILED

    @pytest.mark.parametrize(
        ("changes", "face", "charged"),
        [
            ({"rewards": []}, None, 2000),
            ({"rewards": None}, None, 2000),
            ({"payment": None}, 2000, None),
            ({"payment": {"total": 20.0, "currency_code": "???"}}, 2000, None),
            (
                {"payment": {"total": 22.0, "currency_code": "EUR"}},
                2000,
                Money(amount=2200, currency="EUR"),
            ),
            ({"payment": {"total": 20.005, "currency_code": "USD"}}, 2000, None),
            ({"value": {"denomination": 20}}, 2000, 2000),
            ({"value": {"denomination": 19.99, "currency_code": "USD"}}, 1999, 2000),
            ({"value": {"denomination": "20", "currency_code": "USD"}}, 2000, 2000),
            ({"value": {"denomination": 4.35, "currency_code": "USD"}}, 435, 2000),
            ({"value": {"denomination": 20.001, "currency_code": "USD"}}, None, 2000),
            ({"value": {"denomination": None, "currency_code": "USD"}}, None, 2000),
            ({"value": {"denomination": "much", "currency_code": "USD"}}, None, 2000),
            ({"value": None}, None, 2000),
            ({"created_at": "yesterday"}, 2000, 2000),
        ],
    )
    async def test_amounts_are_exact_or_unknown_and_never_lose_the_order(
        self, tremendous, scripted, request_for, changes, face, charged
    ):
        scripted.answers = [(200, order(**changes))]
        seen = await tremendous.place_order(request_for())
        assert seen.state is OrderState.ISSUED
        assert seen.face == (face and Money(amount=face, currency="USD"))
        if isinstance(charged, int):
            charged = Money(amount=charged, currency="USD")
        assert seen.charged == charged

    async def test_yen_have_no_decimals(self, tremendous, scripted, request_for):
        yen = Money(amount=1500, currency="JPY")
        payment = {"total": 1500, "currency_code": "JPY"}
        value = {"denomination": 1500.0, "currency_code": "JPY"}
        scripted.answers = [(200, order(value=value, payment=payment))]
        seen = await tremendous.place_order(request_for(face=yen))
        assert (seen.face, seen.charged) == (yen, yen)
        sent = json.loads(scripted.asked[0][1])
        assert sent["reward"]["value"] == {"denomination": 1500, "currency_code": "JPY"}

    @pytest.mark.parametrize(
        "then",
        [
            [(500, {})],
            [(200, order()), (403, {"errors": {"message": "not LINK"}})],
            [(200, order()), (429, {"error": {}})],
            [(200, order()), (200, {"reward": {"id": "REWARD000001"}})],
            [(200, order(rewards=[]))],
        ],
    )
    async def test_a_link_order_whose_link_cannot_be_had_is_not_done(
        self, tremendous, scripted, request_for, then
    ):
        delivery = {"method": "LINK", "status": "SUCCEEDED"}
        scripted.answers = [(201, order(delivery=delivery)), *then]
        with pytest.raises(OutcomeUnknown):
            await tremendous.place_order(request_for(delivery=Delivery.LINK))

    async def test_a_fresh_link_takes_the_place_of_the_lost_one(
        self, tremendous, scripted, request_for
    ):
        link = "https://tremendous.example/payout/1"
        again = order(delivery={"method": "LINK", "status": "SUCCEEDED"})
        fresh = {"reward": {"id": "REWARD000001", "link": link}}
        scripted.answers = [(201, again), (200, again), (200, fresh)]
        seen = await tremendous.place_order(request_for(delivery=Delivery.LINK))
        assert (seen.secret.link, seen.delivery) == (link, DeliveryState.NOT_APPLICABLE)
        assert scripted.asked[-1][0] == "POST /api/v2/rewards/REWARD000001/generate_link"


class TestWhatIsSent:
    async def test_by_email(self, tremendous, scripted, request_for):
        scripted.answers = [(200, order())]
        await tremendous.place_order(request_for(callback_url="https://guerdon.example/hooks/x"))
        ((line, body),) = scripted.asked
        assert line == "POST /api/v2/orders"
        assert json.loads(body) == {
            "external_id": "gd1g1",
            "payment": {"funding_source_id": "BALANCE"},
            "reward": {
                "products": ["CVS"],
                "value": {"denomination": 20.0, "currency_code": "USD"},
                "recipient": {"name": "Ann Lee", "email": "ann@example.com"},
                "delivery": {
                    "method": "EMAIL",
                    "meta": {"sender_name": "Acme", "message": "Thank you!"},
                },
            },
        }

    async def test_by_phone_without_words(self, tremendous, scripted, request_for):
        scripted.answers = [(200, order())]
        personal = Personalization()
        await tremendous.place_order(request_for(delivery=Delivery.SMS, personalization=personal))
        reward = json.loads(scripted.asked[0][1])["reward"]
        assert reward["recipient"] == {"name": "Ann Lee", "phone": "+15551234567"}
        assert reward["delivery"] == {"method": "PHONE"}


class TestReads:
    async def test_an_id_cannot_leave_its_place_in_the_path(self, tremendous, scripted):
        scripted.answers = [(200, order())]
        await tremendous.get_order("../balance?a", "USD")
        assert scripted.asked[0][0] == "GET /api/v2/orders/..%2Fbalance%3Fa"

    @pytest.mark.parametrize("answer", [(404, {}), (500, b""), (200, b"{"), (200, {"order": 1})])
    async def test_an_order_that_cannot_be_read(self, tremendous, scripted, answer):
        scripted.answers = [answer]
        with pytest.raises(NotSent):
            await tremendous.get_order("ORDER0000001", "USD")

    @pytest.mark.parametrize("answer", [(200, {}), (200, {"orders": [{}]}), (503, b"")])
    async def test_a_list_that_cannot_be_read(self, tremendous, scripted, answer):
        scripted.answers = [answer]
        with pytest.raises(NotSent):
            await tremendous.find_order("gd1g1", "USD", not_before=datetime.now(UTC))

    async def test_strangers_and_repeated_rows_are_not_found(self, tremendous, scripted):
        ours, stranger = order()["order"], order(id="OTHER", external_id="gd2g1")["order"]
        scripted.answers = [(200, {"orders": [ours, stranger, ours]})]
        found = await tremendous.find_order("gd1g1", "USD", not_before=datetime.now(UTC))
        assert [one.provider_order_id for one in found] == ["ORDER0000001"]

    async def test_an_order_at_the_end_of_a_window_belongs_to_the_next(self, tremendous, scripted):
        scripted.answers = [(200, {"orders": [order()["order"]]})]
        end = datetime(2026, 11, 22, 10, tzinfo=UTC)
        assert [one async for one in tremendous.list_orders(end - timedelta(days=1), end)] == []

    async def test_rate_limit_on_a_read(self, tremendous, scripted):
        scripted.answers = [(429, {"error": {"message": "Rate limit exceeded"}})]
        with pytest.raises(RateLimited):
            await tremendous.get_order("ORDER0000001", "USD")

    @pytest.mark.parametrize("act", ["resend", "cancel"])
    async def test_aftercare_whose_answer_is_lost_is_unknown(self, tremendous, scripted, act):
        scripted.answers = [(200, order()), (500, b"")]
        arguments = (None,) if act == "resend" else ()
        with pytest.raises(OutcomeUnknown):
            await getattr(tremendous, act)("ORDER0000001", *arguments)


class TestWebhooks:
    """GitHub publishes this vector for the scheme, which is Tremendous' too."""

    SECRET = "It's a Secret to Everybody"
    BODY = b"Hello, World!"
    SIGNATURE = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"

    def adapter(self, secret: str) -> Tremendous:
        settings = TremendousSettings(
            url="http://127.0.0.1:1", api_key="key", webhook_secret=secret
        )
        return Tremendous(settings, within=1)

    def event(self, **changes: Any) -> bytes:
        whole = {
            "event": "REWARDS.DELIVERY.FAILED",
            "uuid": "5ccc7bb1-0000-4000-8000-000000000000",
            "created_utc": "2021-04-06T20:05:01.037-04:00",
            "payload": {
                "resource": {"id": "2V3PCCL7QXDA", "type": "rewards"},
                "meta": {"failure_reason": "invalid_domain", "retryable": False},
            },
        }
        return json.dumps(whole | changes).encode()

    def read(self, body: bytes) -> ProviderEvent:
        mark = hmac.new(b"secret", body, hashlib.sha256).hexdigest()
        headers = {"TREMENDOUS-WEBHOOK-SIGNATURE": f"sha256={mark}"}
        return self.adapter("secret").read_webhook(headers, body)

    def test_the_published_vector_verifies(self):
        with pytest.raises(WebhookRefused, match="not readable"):  # it is signed, but no JSON
            self.adapter(self.SECRET).read_webhook(
                {"Tremendous-Webhook-Signature": self.SIGNATURE}, self.BODY
            )

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"Tremendous-Webhook-Signature": ""},
            {"Tremendous-Webhook-Signature": "sha256="},
            {"Tremendous-Webhook-Signature": SIGNATURE[:-1] + "8"},
            {"Tremendous-Webhook-Signature": SIGNATURE.removeprefix("sha256=")},
            {"Tremendous-Webhook-Signature": SIGNATURE.replace("sha256", "sha1")},
            {"Tremendous-Webhook-Signature": "sha256=ünïcödé\udcff"},
        ],
    )
    def test_anything_else_does_not(self, headers):
        with pytest.raises(WebhookRefused, match="does not hold"):
            self.adapter(self.SECRET).read_webhook(headers, self.BODY)

    def test_without_a_secret_every_webhook_is_refused(self):
        mark = hmac.new(b"", self.BODY, hashlib.sha256).hexdigest()
        with pytest.raises(WebhookRefused, match="does not hold"):
            self.adapter("").read_webhook(
                {"tremendous-webhook-signature": f"sha256={mark}"}, self.BODY
            )

    def test_the_documented_event_names_its_reward(self):
        assert self.read(self.event()) == ProviderEvent(
            event_id="5ccc7bb1-0000-4000-8000-000000000000", reward_id="2V3PCCL7QXDA", adverse=True
        )

    def test_an_order_s_event_names_the_order(self):
        payload = {"resource": {"id": "ORDER0000001", "type": "orders"}}
        event = self.read(self.event(event="ORDERS.CREATED", payload=payload))
        assert (event.provider_order_id, event.reward_id) == ("ORDER0000001", None)

    @pytest.mark.parametrize(
        "payload", [None, {}, {"resource": None}, {"resource": {"id": "X", "type": "reports"}}]
    )
    def test_an_event_about_something_else_names_no_order(self, payload):
        event = self.read(self.event(payload=payload))
        assert (event.provider_order_id, event.reward_id, event.key) == (None, None, None)

    @pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"uuid": 1}', b"\xff"])
    def test_signed_but_not_readable(self, body):
        with pytest.raises(WebhookRefused, match="not readable"):
            self.read(body)


class TestSettings:
    def test_a_wrong_section_does_not_show_its_key(self, monkeypatch):
        monkeypatch.setenv("GUERDON_TREMENDOUS_API_KEY", "live_key")
        with pytest.raises(ValueError) as raised:
            TremendousSettings()
        assert "live_key" not in str(raised.value)
        assert "url" in str(raised.value)

    def test_from_the_environment(self, monkeypatch):
        monkeypatch.setenv("GUERDON_TREMENDOUS_URL", "https://api.tremendous.com")
        monkeypatch.setenv("GUERDON_TREMENDOUS_API_KEY", "live_key")
        settings = TremendousSettings()
        assert (settings.funding_source, settings.max_per_second) == ("BALANCE", 10)
        assert settings.webhook_secret.get_secret_value() == ""
