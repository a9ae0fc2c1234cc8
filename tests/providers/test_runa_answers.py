"""What the Runa adapter makes of each answer: those that the facts name, those that nobody has
named yet, and those that cannot be read."""

from __future__ import annotations

import base64
import json
import traceback
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from domain.money import Money
from domain.orders import DeliveryState, OrderState, RedemptionState
from domain.rewards import Delivery
from providers.outcomes import (
    FailedAnswer,
    InsufficientFunds,
    KeyConflict,
    KeyInProgress,
    NotSent,
    OrderRejected,
    OutcomeUnknown,
    ProviderMisconfigured,
    RateLimited,
)
from providers.runa import Runa, RunaSettings
from providers.webhooks import ProviderEvent, WebhookRefused

PRIVATE = ("ann lee", "ann@example.com", "live_key", "spend.runa.example")
LINK = "https://spend.runa.example/1"


def order(**changes: Any) -> dict[str, Any]:
    """A completed order as it is answered; `changes` replace its members, `payout` and `item`
    those of its one item."""
    payout = {"status": "ACTIVE", "url": LINK, "expiry_date": None} | changes.pop("payout", {})
    item = {
        "id": "E-1",
        "face_value": "20.00",
        "price": "19.70",
        "currency": "USD",
        "distribution_method": {"type": "EMAIL", "email_address": "ann@example.com"},
        "payout": payout,
    } | changes.pop("item", {})
    whole = {
        "id": "O-1",
        "status": "COMPLETED",
        "created_at": "2026-11-22T10:00:00.000000+00:00",
        "description": "gd1g1",
        "currency": "USD",
        "total_price": "19.70",
        "total_discount": "0.30",
        "items": [item],
        "colour": "a member that nobody knows",
    }
    return whole | changes


def row(n: int, at: str | None, **changes: Any) -> dict[str, Any]:
    """A row of the list: with its time and key once completed, else with its id alone."""
    if at is None:
        return {"id": f"O-{n}", "status": "PROCESSING", "message": "in process"} | changes
    whole = order(id=f"O-{n}", created_at=f"2026-11-22T{at}:00+00:00", description=f"gd{n}g1")
    del whole["items"]
    return whole | changes


def page(*rows: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    cursors = {"after": f"after-{rows[-1]['id']}"} if rows else {}
    return 200, {"items": list(rows), "pagination": {"cursors": cursors}}


@pytest.fixture
async def runa(scripted: Any) -> AsyncIterator[Runa]:
    adapter = Runa(RunaSettings(url=scripted.url, api_key="live_key"), within=1)
    yield adapter
    await adapter.close()


class TestOutcomes:
    @pytest.mark.parametrize(
        ("status", "body", "outcome"),
        [
            (400, {"type": "insufficient_funds", "message": "x"}, InsufficientFunds),
            (403, {"type": "ordering_restricted", "message": "x"}, InsufficientFunds),
            (400, {"type": "idempotency_in_progress"}, KeyInProgress),
            (400, {"type": "idempotency_validation_error"}, KeyConflict),
            (400, {"type": "product_validation_error"}, OrderRejected),
            (400, {"type": "currency_mismatch"}, OrderRejected),
            (400, {"type": "payment_method_unavailable"}, OrderRejected),
            (400, {"type": "bad_request"}, OrderRejected),
            (400, {"type": "a type never seen"}, OrderRejected),
            (422, {"type": "validation_error", "details": []}, OrderRejected),
            (400, {"type": "invalid_version"}, ProviderMisconfigured),
            (400, {"type": "insecure_protocol"}, ProviderMisconfigured),
            (401, {"type": "invalid_api_key"}, ProviderMisconfigured),
            (401, b"", ProviderMisconfigured),
            (403, {"type": "forbidden"}, ProviderMisconfigured),
            (404, {"type": "not_found"}, ProviderMisconfigured),
            (410, {"type": "version_removed"}, ProviderMisconfigured),
            (429, {"error": "rate exceeded"}, RateLimited),
            (500, {"type": "internal_server_error"}, OutcomeUnknown),
            (500, {"type": "insufficient_funds"}, OutcomeUnknown),
            (504, {"type": "timeout"}, OutcomeUnknown),
            (502, b"<html>bad gateway</html>", OutcomeUnknown),
            (302, b"", OutcomeUnknown),
            (409, {"type": "a status never seen"}, OutcomeUnknown),
            (102, {"type": "idempotency_in_progress"}, OutcomeUnknown),
        ],
    )
    async def test_of_each_type_and_status(
        self, runa, scripted, request_for, status, body, outcome
    ):
        scripted.answers = [(status, body)]
        with pytest.raises(outcome) as raised:
            await runa.place_order(request_for())
        told = {FailedAnswer: OutcomeUnknown}.get(type(raised.value), type(raised.value))
        assert told is outcome
        assert len(scripted.asked) == 1

    @pytest.mark.parametrize("status", [200, 202])
    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"Accepted",
            b'{"id": "O-',
            [],
            {},
            {"id": "O-1"},
            {"status": "PROCESSING"},
            order(items="many"),
            order(items=[None]),
            order(payout={"status": "ACTIVE"}, items=[{"payout": LINK}]),
        ],
    )
    async def test_a_success_that_cannot_be_read_is_unknown(
        self, runa, scripted, request_for, status, body
    ):
        scripted.answers = [(status, body)]
        with pytest.raises(OutcomeUnknown) as raised:
            await runa.place_order(request_for())
        told = "".join(traceback.format_exception(raised.value)).lower()
        assert not [private for private in PRIVATE if private in told]

    async def test_a_reason_that_quotes_the_person_is_not_told(self, runa, scripted, request_for):
        said = {"type": "validation_error", "message": "ann@example.com is not an address"}
        scripted.answers = [(422, said)]
        with pytest.raises(OrderRejected) as raised:
            await runa.place_order(request_for())
        assert raised.value.detail == "validation_error (422)"


class TestOrders:
    async def test_an_id_cannot_leave_its_place_in_the_path(self, runa, scripted):
        scripted.answers = [(200, order())]
        await runa.get_order("../balance?a", "USD")
        assert scripted.asked[0][0] == "GET /v2/order/..%2Fbalance%3Fa"

    @pytest.mark.parametrize(
        ("word", "state", "recognised"),
        [
            ("PROCESSING", OrderState.PENDING, True),
            ("COMPLETED", OrderState.ISSUED, True),
            ("completed", OrderState.ISSUED, True),
            ("FAILED", OrderState.FAILED, True),
            ("IN REVIEW", OrderState.PENDING, False),
        ],
    )
    async def test_status_words(self, runa, scripted, word, state, recognised):
        scripted.answers = [(200, {"id": "O-1", "status": word, "message": "so it is"})]
        seen = await runa.get_order("O-1", "USD")
        assert (seen.state, seen.recognised, seen.raw_status) == (state, recognised, word)

    @pytest.mark.parametrize(
        ("word", "state", "redemption", "recognised"),
        [
            ("ACTIVE", OrderState.ISSUED, RedemptionState.UNREDEEMED, True),
            ("CLAIMED", OrderState.ISSUED, RedemptionState.REDEEMED, True),
            ("EXPIRED", OrderState.ISSUED, RedemptionState.EXPIRED, True),
            ("CANCELLED", OrderState.CANCELLED, RedemptionState.CANCELLED, True),
            ("FROZEN", OrderState.ISSUED, RedemptionState.UNKNOWN, False),
        ],
    )
    async def test_payout_words(self, runa, scripted, word, state, redemption, recognised):
        scripted.answers = [(200, order(payout={"status": word}))]
        seen = await runa.get_order("O-1", "USD")
        assert (seen.state, seen.redemption, seen.recognised) == (state, redemption, recognised)
        assert seen.raw_status == f"COMPLETED/{word}"

    @pytest.mark.parametrize(
        ("method", "url", "delivery", "link"),
        [
            ("EMAIL", LINK, DeliveryState.SENT, None),
            ("PAYOUT_LINK", LINK, DeliveryState.NOT_APPLICABLE, LINK),
            ("PAYOUT_LINK", None, DeliveryState.PENDING, None),
        ],
    )
    async def test_a_link_is_ours_to_deliver_and_an_e_mail_is_runa_s(
        self, runa, scripted, method, url, delivery, link
    ):
        item = {"distribution_method": {"type": method}}
        scripted.answers = [(200, order(item=item, payout={"url": url}))]
        seen = await runa.get_order("O-1", "USD")
        assert seen.delivery is delivery
        assert (seen.secret and seen.secret.link) == link

    @pytest.mark.parametrize(
        ("changes", "face", "charged"),
        [
            ({"item": {"face_value": "20"}}, 2000, 1970),
            ({"item": {"face_value": 19.99}}, 1999, 1970),
            ({"item": {"face_value": "20.001"}}, None, 1970),
            ({"item": {"face_value": None}}, None, 1970),
            ({"item": {"currency": None}}, 2000, 1970),
            ({"currency": "GBP", "total_price": "8.49"}, 2000, Money(amount=849, currency="GBP")),
            ({"total_price": None}, 2000, None),
            ({"total_price": "19.7005"}, 2000, None),
            ({"created_at": None}, 2000, 1970),
        ],
    )
    async def test_amounts_are_exact_or_unknown_and_never_lose_the_order(
        self, runa, scripted, request_for, changes, face, charged
    ):
        scripted.answers = [(200, order(**changes))]
        seen = await runa.place_order(request_for())
        assert seen.state is OrderState.ISSUED
        assert seen.face == (face and Money(amount=face, currency="USD"))
        if isinstance(charged, int):
            charged = Money(amount=charged, currency="USD")
        assert seen.charged == charged

    async def test_two_cards_under_one_key_show_in_the_amount(self, runa, scripted):
        twice = order()
        twice["items"] *= 2
        scripted.answers = [(200, twice)]
        assert (await runa.get_order("O-1", "USD")).face == Money(amount=4000, currency="USD")


class TestWhatIsSent:
    async def test_by_email(self, runa, scripted, request_for):
        scripted.answers = [(202, {"id": "O-1", "status": "PROCESSING"})]
        await runa.place_order(request_for(callback_url="https://guerdon.example/hooks/x"))
        ((line, body),) = scripted.asked
        assert line == "POST /v2/order"
        sent = json.loads(body)
        assert sent == {
            "payment_method": {"type": "ACCOUNT_BALANCE", "currency": "USD"},
            "items": [
                {
                    "face_value": 20,
                    "distribution_method": {"type": "EMAIL", "email_address": "ann@example.com"},
                    "products": {"type": "SINGLE", "value": "CVS"},
                }
            ],
            "description": "gd1g1",
        }
        assert not isinstance(sent["items"][0]["face_value"], str)

    async def test_by_link_without_a_word_of_the_person(self, runa, scripted, request_for):
        scripted.answers = [(202, {"id": "O-1", "status": "PROCESSING"})]
        await runa.place_order(request_for(delivery=Delivery.LINK))
        body = scripted.asked[0][1]
        assert json.loads(body)["items"][0]["distribution_method"] == {"type": "PAYOUT_LINK"}
        assert b"ann" not in body.lower()


class TestScan:
    """Rows newest first, a cursor after each page, and no end but an empty page."""

    NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)

    async def test_goes_on_behind_the_cursor_and_stops_at_older_orders(self, runa, scripted):
        scripted.answers = [
            page(row(9, "12:30"), row(8, "12:20")),
            page(row(7, "12:10"), row(6, "11:00")),
            (200, order(id="O-7", description="gd7g1")),
        ]
        (found,) = await runa.find_order("gd7g1", "USD", not_before=self.NOON)
        assert found.provider_order_id == "O-7"
        assert [line for line, _ in scripted.asked] == [
            "GET /v2/order?limit=500",
            "GET /v2/order?limit=500&after=after-O-8",
            "GET /v2/order/O-7",
        ]

    async def test_clocks_may_differ(self, runa, scripted):
        scripted.answers = [
            page(row(9, "11:58"), row(8, "11:57"), row(7, "11:50")),
            (200, order(id="O-8")),
        ]
        assert await runa.find_order("gd8g1", "USD", not_before=self.NOON)

    @pytest.mark.parametrize(
        ("undated", "concluded"),
        [
            ({"status": "PROCESSING"}, False),
            ({"status": "IN REVIEW"}, False),
            ({"status": "FAILED"}, True),
        ],
    )
    async def test_absence(self, runa, scripted, undated, concluded):
        scripted.answers = [page(row(9, "12:30"), row(8, None, **undated)), page()]
        search = runa.find_order("gd1g1", "USD", not_before=self.NOON)
        if concluded:
            assert await search == []
            return
        with pytest.raises(NotSent, match="in process"):
            await search

    async def test_old_orders_in_process_do_not_prevent_a_conclusion(self, runa, scripted):
        scripted.answers = [page(row(9, "12:30"), row(8, "11:00"), row(7, None))]
        assert await runa.find_order("gd1g1", "USD", not_before=self.NOON) == []

    @pytest.mark.parametrize(
        "answer",
        [
            (500, b""),
            (200, b"{"),
            (200, {}),
            (200, {"items": [None]}),
            (200, {"items": [{"id": "O-1", "status": "PROCESSING"}]}),
        ],
    )
    async def test_a_list_that_cannot_be_read(self, runa, scripted, answer):
        scripted.answers = [answer]
        with pytest.raises(NotSent):
            await runa.find_order("gd1g1", "USD", not_before=self.NOON)

    async def test_undated_orders_belong_to_the_window_of_the_next_older_one(self, runa, scripted):
        rows = [
            row(9, None),
            row(8, "12:30"),
            row(7, None, status="FAILED"),
            row(6, "11:30"),
            row(5, None),
        ]

        async def ids(since: datetime, until: datetime) -> list[str]:
            scripted.answers = [page(*rows), page()]
            return [one.provider_order_id async for one in runa.list_orders(since, until)]

        day = timedelta(days=1)
        assert await ids(self.NOON, self.NOON + day) == ["O-9", "O-8"]
        assert await ids(self.NOON - day, self.NOON) == ["O-7", "O-6", "O-5"]


class TestProducts:
    async def test_kinds(self, runa, scripted):
        shared = {"name": "A card", "currency": "USD", "is_orderable": True}
        ranged = {"minimum_value": "5.00", "maximum_value": "250.00"}
        catalog = [
            shared | {"code": "A", "payout_type": "payment", "payment": {"denominations": ranged}},
            shared
            | {
                "code": "B",
                "payout_type": "gift_card",
                "gift_card": {"denominations": {"type": "open", "available_list": None} | ranged},
            },
            shared | {"code": "C", "payout_type": "subscription", "subscription": {}},
            shared | {"code": "D", "payout_type": "hologram"},
            shared
            | {
                "code": "E",
                "is_orderable": False,
                "payout_type": "payment",
                "payment": {"denominations": ranged},
            },
        ]
        cursors = {"cursors": {"after": "E"}}
        scripted.answers = [
            (200, {"catalog": catalog, "pagination": cursors}),
            (200, {"catalog": [], "pagination": {"cursors": {}}}),
        ]
        found = [product async for product in runa.products()]
        assert [product.id for product in found] == ["A", "B"]
        assert {(p.smallest.amount, p.largest.amount) for p in found} == {(500, 25000)}


class TestWebhooks:
    """Svix's own published vector, and the library's bugs."""

    SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
    AT = 1614265330
    BODY = b'{"test": 2432232314}'
    SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

    def adapter(self, secret: str = SECRET) -> Runa:
        settings = RunaSettings(url="http://127.0.0.1:1", api_key="key", webhook_secret=secret)
        return Runa(settings, within=1)

    def signed(self, body: bytes, at: datetime | None = None) -> dict[str, str]:
        at = at or datetime.now(UTC)
        mark = Webhook(self.SECRET).sign(self.ID, at, body.decode())
        return {
            "Svix-Id": self.ID,
            "Svix-Timestamp": str(int(at.timestamp())),
            "Svix-Signature": mark,
        }

    def test_the_published_vector_verifies(self, monkeypatch):
        headers = {
            "svix-id": self.ID,
            "svix-timestamp": str(self.AT),
            "svix-signature": self.SIGNATURE,
        }
        self._at_the_vector_s_time(monkeypatch)
        assert self.adapter().read_webhook(headers, self.BODY) == ProviderEvent(event_id=self.ID)

    def test_the_published_vector_is_too_old_today(self):
        headers = {
            "svix-id": self.ID,
            "svix-timestamp": str(self.AT),
            "svix-signature": self.SIGNATURE,
        }
        with pytest.raises(WebhookRefused):
            self.adapter().read_webhook(headers, self.BODY)

    def test_a_completed_order_shows_its_key(self):
        body = json.dumps(row(1, "12:00")).encode()
        event = self.adapter().read_webhook(self.signed(body), body)
        assert (event.event_id, event.provider_order_id, event.key) == (self.ID, "O-1", "gd1g1")

    @pytest.mark.parametrize("description", [None, "", "A gift for Ann Lee", 5])
    def test_another_s_description_is_no_key(self, description):
        body = json.dumps({"id": "O-1", "description": description}).encode()
        assert self.adapter().read_webhook(self.signed(body), body).key is None

    def test_news_of_a_product_concerns_no_order(self):
        body = b'{"product_code": "AMZ-US", "new_state": {"is_orderable": false}}'
        event = self.adapter().read_webhook(self.signed(body), body)
        assert (event.key, event.provider_order_id, event.reward_id) == (None, None, None)

    @pytest.mark.parametrize(
        "signature",
        ["", "garbage", "v1,", "v1,!!!", "v1,AAAA", "v2,AAAA", "v1", ",", "v1,a,b", "v1,ünï"],
    )
    def test_anything_else_is_refused(self, signature):
        headers = self.signed(self.BODY) | {"Svix-Signature": signature}
        with pytest.raises(WebhookRefused, match="no signature holds"):
            self.adapter().read_webhook(headers, self.BODY)

    def test_a_good_signature_among_bad_ones(self):
        headers = self.signed(self.BODY)
        headers["Svix-Signature"] = f"garbage  v1a,AAAA v1,AAA {headers['Svix-Signature']}"
        assert self.adapter().read_webhook(headers, self.BODY).event_id == self.ID

    @pytest.mark.parametrize("missing", ["Svix-Id", "Svix-Timestamp", "Svix-Signature"])
    def test_a_header_is_missing(self, missing):
        headers = self.signed(self.BODY)
        del headers[missing]
        with pytest.raises(WebhookRefused):
            self.adapter().read_webhook(headers, self.BODY)

    @pytest.mark.parametrize("at", ["nan", "inf", "yesterday", ""])
    def test_a_time_that_is_none(self, at):
        headers = self.signed(self.BODY) | {"Svix-Timestamp": at}
        with pytest.raises(WebhookRefused):
            self.adapter().read_webhook(headers, self.BODY)

    @pytest.mark.parametrize("minutes", [-6, 6])
    def test_too_old_or_too_new(self, minutes):
        at = datetime.now(UTC) + timedelta(minutes=minutes)
        with pytest.raises(WebhookRefused):
            self.adapter().read_webhook(self.signed(self.BODY, at), self.BODY)

    def test_a_body_that_is_no_text(self):
        with pytest.raises(WebhookRefused):
            self.adapter().read_webhook(self.signed(self.BODY), b"\xff\xfe")

    @pytest.mark.parametrize("body", [b"[]", b"word", b'{"id": 5}'])
    def test_signed_but_not_readable(self, body):
        with pytest.raises(WebhookRefused, match="not readable"):
            self.adapter().read_webhook(self.signed(body), body)

    def test_without_a_secret_every_webhook_is_refused(self):
        with pytest.raises(WebhookRefused):
            self.adapter("").read_webhook(self.signed(self.BODY), self.BODY)

    def test_another_s_secret(self):
        other = "whsec_" + base64.b64encode(b"x" * 24).decode()
        with pytest.raises(WebhookRefused):
            self.adapter(other).read_webhook(self.signed(self.BODY), self.BODY)

    def _at_the_vector_s_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The library has no way to pass the time; its tolerance is five minutes."""
        at = datetime.fromtimestamp(self.AT, UTC)

        class Then(datetime):
            @classmethod
            def now(cls, tz: Any = None) -> datetime:
                return at

        monkeypatch.setattr("standardwebhooks.webhooks.datetime", Then)


class TestSettings:
    @pytest.mark.parametrize("secret", ["whsec_", "whsec_a"])
    def test_a_secret_that_could_never_verify_is_named_at_the_start(self, monkeypatch, secret):
        monkeypatch.setenv("GUERDON_RUNA_URL", "https://api.runa.io")
        monkeypatch.setenv("GUERDON_RUNA_API_KEY", "live_key")
        monkeypatch.setenv("GUERDON_RUNA_WEBHOOK_SECRET", secret)
        with pytest.raises(ValueError, match="webhook_secret") as raised:
            RunaSettings()
        assert "live_key" not in str(raised.value)

    def test_from_the_environment(self, monkeypatch):
        monkeypatch.setenv("GUERDON_RUNA_URL", "https://api.runa.io")
        monkeypatch.setenv("GUERDON_RUNA_API_KEY", "live_key")
        settings = RunaSettings()
        assert settings.max_per_second == 5
        assert settings.webhook_secret.get_secret_value() == ""
