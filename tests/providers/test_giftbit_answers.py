"""Answers that the simulator never gives: every status and word, answers of unforeseen shape, and
what must not be told of them."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from domain.money import Money
from domain.orders import DeliveryState, OrderState, RedemptionState
from domain.rewards import Delivery, Personalization
from providers import giftbit_messages as says
from providers.outcomes import (
    InsufficientFunds,
    NotSent,
    OrderRejected,
    OutcomeUnknown,
    ProviderMisconfigured,
    RateLimited,
)
from tests.providers.test_giftbit import opened

SECRET = "https://reward.example/the-secret"


def campaign(**changes):
    """An order, as Giftbit's description shows it."""
    return {
        "uuid": "9a405b513c11413aaac593a0c2e1a15d",
        "id": "gd1g1",
        "status": "CAMPAIGN_CREATED",
        "contacts": [{"email": "ann@example.com", "added_succesfully": True}],
        "price_in_cents": 2000,
        "brand_codes": ["amazonus"],
        "delivery_type": "GIFTBIT_EMAIL",
        "fees": {"total_in_cents": 2025, "cost_entries": [{"currency": "USD"}]},
        "somethingNew": {"nested": [1]},
    } | changes


def gift(**changes):
    return {
        "uuid": "d30be501ed2546e580c5c9eaf56633d9",
        "campaign_uuid": "9a405b513c11413aaac593a0c2e1a15d",
        "campaign_id": "gd1g1",
        "delivery_status": "DELIVERED",
        "status": "SENT_AND_REDEEMABLE",
        "price_in_cents": 2000,
        "brand_code": "amazonus",
        "created_date": "2026-07-11 12:18:25",
    } | changes


def error(status, code="ERROR_SOMETHING", message="Words."):
    body = {"error": {"code": code, "name": "Name", "message": message}, "status": status}
    return status, body


def answered(**changes):
    return 200, {"info": {"code": "INFO_CAMPAIGN_CREATED"}, "campaign": campaign(**changes)}


def followed(*gifts, links=(), **changes):
    return says.followed(campaign(**changes), "USD", list(gifts), list(links))


@pytest.fixture
async def giftbit(scripted):
    adapter = opened(f"{scripted.url}/papi/v1", within=2)
    yield adapter
    await adapter.close()


@pytest.fixture
def asked(request_for):
    def build(**changes):
        return request_for(**({"product_id": "amazonus"} | changes))

    return build


class TestRefusals:
    @pytest.mark.parametrize(
        ("answer", "outcome"),
        [
            (error(400), OrderRejected),
            (error(401), ProviderMisconfigured),
            (error(402), InsufficientFunds),
            (error(403), ProviderMisconfigured),
            ((404, b"<html>"), ProviderMisconfigured),
            (error(422), OrderRejected),
            ((429, b""), RateLimited),
            (error(409), OutcomeUnknown),
            (error(500), OutcomeUnknown),
            ((503, b"<html>"), OutcomeUnknown),
            ((302, b""), OutcomeUnknown),
            # "ONLY an HTTP status of 200 means the request was successful."
            ((201, answered()[1]), OutcomeUnknown),
            ((202, b""), OutcomeUnknown),
        ],
    )
    async def test_by_status(self, giftbit, scripted, asked, answer, outcome):
        scripted.answers = [answer]
        with pytest.raises(outcome) as raised:
            await giftbit.place_order(asked())
        assert type(raised.value) is outcome
        assert len(scripted.asked) == 1

    async def test_an_unknown_brand_is_refused_with_the_provider_s_words(
        self, giftbit, scripted, asked
    ):
        scripted.answers = [error(422, "ERROR_CAMPAIGN_INVALID_BRAND", "brand_code: nobrand")]
        with pytest.raises(OrderRejected) as raised:
            await giftbit.place_order(asked())
        told = "refused: 422 ERROR_CAMPAIGN_INVALID_BRAND brand_code: nobrand"
        assert raised.value.detail == told

    async def test_the_recipient_is_not_told(self, giftbit, scripted, asked):
        scripted.answers = [error(422, "ERROR_CONTACT", "Lee <ann@example.com> unsubscribed")]
        with pytest.raises(OrderRejected) as raised:
            await giftbit.place_order(asked())
        assert raised.value.detail == "refused: 422 ERROR_CONTACT"


class TestUnreadable:
    @pytest.mark.parametrize(
        "answer",
        [
            (200, b'{"campaign": {"uuid": "trunc'),
            (200, b""),
            (200, b"\xff\xfe"),
            (200, []),
            (200, {}),
            (200, {"campaign": None}),
            (200, {"campaign": {"status": "CAMPAIGN_CREATED"}, "direct_links": [SECRET]}),
            answered(price_in_cents="much"),
            answered(price_in_cents=20.5),
            answered(contacts_failure_count="one"),
        ],
    )
    async def test_is_unknown_and_quotes_nothing(self, giftbit, scripted, asked, answer):
        scripted.answers = [answer]
        with pytest.raises(OutcomeUnknown) as raised:
            await giftbit.place_order(asked())
        assert raised.value.__cause__ is None
        assert SECRET not in str(raised.value)

    @pytest.mark.parametrize(
        "changes",
        [
            {"fees": None},
            {"fees": {"total_in_cents": "?"}},
            {"contacts": None, "brand_codes": None, "delivery_type": None},
        ],
    )
    async def test_an_unreadable_minor_member_does_not_hide_the_order(
        self, giftbit, scripted, asked, changes
    ):
        scripted.answers = [answered(**changes)]
        told = await giftbit.place_order(asked())
        assert (told.key, told.face) == ("gd1g1", Money(amount=2000, currency="USD"))

    async def test_a_direct_link_tells_no_price(self, giftbit, scripted, asked):
        """As in Giftbit's own sample."""
        bare = {"uuid": "u1", "id": "gd1g1", "status": "API_CREATING", "contacts": None}
        scripted.answers = [(200, {"direct_links": [SECRET], "campaign": bare})]
        told = await giftbit.place_order(asked(delivery=Delivery.LINK))
        assert (told.face, told.charged) == (None, None)
        assert told.secret is not None

    async def test_a_read_that_fails_is_not_sent(self, giftbit, scripted):
        scripted.answers = [(500, b""), (200, b"<html>"), (200, {"campaign": {"id": "gd1g1"}})]
        for _ in range(3):
            with pytest.raises(NotSent):
                await giftbit.get_order("u1", "USD")


class TestOrderWords:
    @pytest.mark.parametrize(
        ("word", "state", "recognised"),
        [
            ("API_CREATING", OrderState.PENDING, True),
            ("AWAITING_FUNDS", OrderState.PENDING, True),
            ("CAMPAIGN_CREATED", OrderState.ISSUED, True),
            ("QUOTE", OrderState.PENDING, False),
            (None, OrderState.PENDING, False),
        ],
    )
    def test_status(self, word, state, recognised):
        told = says.snapshot(campaign(status=word), "USD")
        assert (told.state, told.recognised) == (state, recognised)
        assert told.raw_status == str(word)

    @pytest.mark.parametrize("word", ["API_CREATING", "CAMPAIGN_CREATED", "A_NEW_ONE"])
    def test_a_200_that_reached_nobody_is_no_reward(self, word):
        counts = {"contacts_failure_count": 1, "contacts_success_count": 0}
        told = says.snapshot(campaign(status=word, **counts), "USD")
        assert (told.state, told.recognised) == (OrderState.FAILED, True)

    def test_one_that_reached_somebody_is_none(self):
        counts = {"contacts_failure_count": 0, "contacts_success_count": 1}
        assert says.snapshot(campaign(**counts), "USD").state is OrderState.ISSUED

    def test_created_and_no_reward_in_it_is_not_issued(self):
        """Reads leave the counts out, and rewards follow their order."""
        assert followed().state is OrderState.PENDING


class TestRewardWords:
    @pytest.mark.parametrize(
        ("word", "delivery"),
        [
            ("UNSENT", DeliveryState.PENDING),
            ("DELIVERED", DeliveryState.DELIVERED),
            ("TEMPORARILY_UNDELIVERABLE", DeliveryState.FAILED_RETRYABLE),
            ("UNDELIVERABLE", DeliveryState.FAILED_PERMANENT),
            ("UNSUBSCRIBED", DeliveryState.FAILED_PERMANENT),
            ("COMPLAINT", DeliveryState.FAILED_PERMANENT),
        ],
    )
    def test_delivery(self, word, delivery):
        told = followed(gift(delivery_status=word))
        assert (told.state, told.delivery, told.recognised) == (OrderState.ISSUED, delivery, True)

    @pytest.mark.parametrize(
        ("word", "redemption"),
        [
            ("SENT_AND_REDEEMABLE", RedemptionState.UNREDEEMED),
            ("REDEEMED", RedemptionState.REDEEMED),
            ("EXPIRED", RedemptionState.EXPIRED),
        ],
    )
    def test_redemption(self, word, redemption):
        told = followed(gift(status=word))
        assert (told.state, told.redemption) == (OrderState.ISSUED, redemption)
        assert told.raw_status == f"CAMPAIGN_CREATED, DELIVERED, {word}"

    def test_withdrawn(self):
        told = followed(gift(status="GIVER_CANCELLED"))
        assert (told.state, told.redemption) == (OrderState.CANCELLED, RedemptionState.CANCELLED)

    @pytest.mark.parametrize("changes", [{"delivery_status": "PIGEON"}, {"status": "TO_CHARITY"}])
    def test_an_unknown_word_is_reported(self, changes):
        assert not followed(gift(**changes)).recognised

    def test_a_link_in_the_making_is_not_delivered(self):
        link = {"delivery_type": "DIRECT_LINK"}
        told = followed(gift(delivery_status="LINKCREATED"), **link)
        assert (told.state, told.delivery) == (OrderState.ISSUED, DeliveryState.PENDING)
        told = followed(gift(delivery_status="LINKCREATED"), links=[SECRET], **link)
        assert (told.delivery, told.recognised) == (DeliveryState.NOT_APPLICABLE, True)
        assert told.secret is not None

    def test_an_order_without_price_has_its_rewards(self):
        told = followed(gift(), price_in_cents=None)
        assert told.face == Money(amount=2000, currency="USD")


class TestLinks:
    @pytest.mark.parametrize(
        ("answer", "found"),
        [
            ({"direct_links": [SECRET]}, [SECRET]),
            ({"directlinks": [{"number": 1, "link": SECRET}]}, [SECRET]),
            ({"shortlinks": [{"number": 1, "shortlink": SECRET}]}, [SECRET]),
            ({"info": {"code": "INFO_LINKS_GENERATION_IN_PROGRESS"}}, []),
            ({"direct_links": None, "directlinks": [{"number": 1, "link": None}]}, []),
        ],
    )
    def test_in_every_shape(self, answer, found):
        assert says.links(answer) == found


class TestBody:
    def test_email(self, asked):
        assert says.order_body(asked()) == {
            "id": "gd1g1",
            "price_in_cents": 2000,
            "brand_codes": ["amazonus"],
            "subject": "Your gift card from Acme",
            "message": "Thank you!",
            "contacts": [{"email": "ann@example.com", "firstname": "Ann", "lastname": "Lee"}],
        }

    def test_a_mail_always_has_a_subject_and_a_message(self, asked):
        body = says.order_body(asked(personalization=Personalization()))
        assert body["subject"]
        assert body["message"]

    def test_a_link_tells_giftbit_of_nobody(self, asked):
        assert says.order_body(asked(delivery=Delivery.LINK)) == {
            "id": "gd1g1",
            "price_in_cents": 2000,
            "brand_codes": ["amazonus"],
            "link_count": 1,
        }


def test_times_are_pacific_in_summer_and_winter():
    summer = says.created(gift(created_date="2026-07-11 12:00:00"))
    winter = says.created(gift(created_date="2026-01-11 12:00:00"))
    assert summer is not None
    assert winter is not None
    assert (summer.hour, winter.hour) == (19, 20)
    assert says.created(gift(created_date="yesterday")) is None
    assert summer.utcoffset() == timedelta(0)


def test_whole_cents_in_any_spelling():
    for value in (2000, "2000", Decimal("2000.0")):
        told = says.snapshot(campaign(price_in_cents=value), "USD")
        assert told.face == Money(amount=2000, currency="USD")


def test_brands_that_cannot_be_ordered():
    brand = {
        "brand_code": "b",
        "name": "Brand",
        "fund_currencyisocode": "USD",
        "min_price_in_cents": 100,
    }
    assert says.product(brand) is not None
    for change in ({"fund_currencyisocode": "PRO"}, {"min_price_in_cents": None}):
        assert says.product(brand | change) is None
