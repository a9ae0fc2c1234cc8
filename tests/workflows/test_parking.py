"""What cannot proceed parks with its reason, and goes on when the reason is gone."""

from __future__ import annotations

import pytest

from domain.campaigns import CampaignTerms
from domain.customers import Address
from tests.auditing import assert_books_agree
from tests.builders import add_customer, budget, gift_card, terms
from tests.keeping import Keep
from tests.workflows.case import Refused, eventually
from tests.workflows.stage import Stage


def single(**card: object) -> CampaignTerms:
    """One gift card, the referee's."""
    return terms(referee_reward=gift_card(**card), tiers=(), limits=budget(600_00))


class TestOrderRejected:
    async def test_corrected_and_retried_a_new_generation_buys_the_one_card(
        self, stage: Stage, keep: Keep
    ) -> None:
        friend = await add_customer(stage.database, phone="call me")
        case = await stage.converted(single(delivery="sms"), friend)
        grant = await case.parked("order_rejected")
        assert "Not a phone number" in (grant.attention_detail or "")
        await stage.correct(friend, phone="+15550001111")
        await case.retry(grant.id)
        assert await case.result() == "completed"
        first, second = await case.orders()
        assert (first.generation, first.state) == (1, "failed")
        assert (second.generation, second.state) == (2, "issued")
        assert first.key != second.key
        assert [card["key"] for card in await case.cards()] == [second.key]
        await assert_books_agree(stage.database)
        await keep("parked_and_retried", case.handle)

    async def test_retried_uncorrected_it_parks_again_and_can_be_cancelled(
        self, stage: Stage
    ) -> None:
        case = await stage.converted(single(amount=600_00))
        grant = await case.parked("order_rejected")
        await case.retry(grant.id)

        async def refused_again() -> bool:
            return (await case.events()).count("order.failed") == 2

        await eventually(refused_again)
        await case.parked("order_rejected")
        await case.cancel(grant.id)
        assert await case.result() == "completed"
        assert await case.cards() == []
        await assert_books_agree(stage.database)

    async def test_waits_for_a_person_however_long_that_takes(self, stage: Stage) -> None:
        case = await stage.converted(single(amount=600_00))
        await case.parked("order_rejected")
        assert await case.skip(days=60)
        assert len(await case.orders()) == 1
        assert (await case.referral()).status == "needs_attention"


class TestRecipientIncomplete:
    async def test_nothing_is_sent_until_the_address_is_there(self, stage: Stage) -> None:
        friend = await add_customer(stage.database, address=Address())
        case = await stage.converted(
            single(product_id="VISA-PLASTIC", amount=50_00, delivery="post"), friend
        )
        grant = await case.parked("recipient_incomplete")
        assert grant.attention_detail == "The customer has no postal address."
        assert await case.orders() == []
        await stage.correct(
            friend,
            address={
                "line_1": "1 Main Street",
                "city": "Springfield",
                "state": "IL",
                "postal_code": "62701",
                "country": "US",
            },
        )
        await case.retry(grant.id)
        assert await case.result() == "completed"
        assert [order.generation for order in await case.orders()] == [1]


class TestUnknownWord:
    async def test_an_unknown_status_counts_as_pending_and_is_polled_again(
        self, stage: Stage
    ) -> None:
        await stage.simulator.put("delivery", seconds=0, outcome="Backordered")
        stage.hooks.keep()
        case = await stage.converted(single())

        async def seen() -> bool:
            return [order.raw_status for order in await case.orders()] == ["Backordered"]

        await eventually(seen)
        assert [order.state for order in await case.orders()] == ["pending"]
        assert [grant.status for grant in await case.grants()] == ["ordered"]
        await stage.simulator.put("delivery", seconds=0, outcome="delivered")
        assert await case.result() == "completed"


class TestOutageOfDays:
    """The provider is away for longer than an activity's three days."""

    async def test_while_ordering_parks_and_a_retry_buys_the_one_card(self, stage: Stage) -> None:
        await stage.simulator.put("faults", seed=1, rates={"error_before": 1})
        case = await stage.converted(single())
        await eventually(case.failed_once)
        await case.give_up()
        # A 5xx may have bought the card, so nothing is certain and nothing can be cancelled.
        grant = await case.parked("outcome_unknown")
        with pytest.raises(Refused, match="no card"):
            await case.cancel(grant.id)
        await stage.simulator.put("faults", seed=1, rates={})
        await case.retry(grant.id)
        assert await case.result() == "completed"
        assert [order.generation for order in await case.orders()] == [1]
        assert len(await case.cards()) == 1
        await assert_books_agree(stage.database)

    async def test_while_following_parks_and_a_late_webhook_ends_it(self, stage: Stage) -> None:
        stage.hooks.keep()
        await stage.simulator.put("delivery", seconds=0, outcome="never")
        case = await stage.converted(single())
        await eventually(lambda: case.grants(status="ordered"))
        await stage.simulator.put("credentials", accept=False, status=503)
        await eventually(case.failed_once)
        await case.give_up()
        await case.parked("outcome_unknown")
        await stage.simulator.put("credentials", accept=True)
        await stage.simulator.put("delivery", seconds=0, outcome="delivered")

        async def told() -> list[str]:
            return stage.hooks.tokens

        (token,) = await eventually(told)
        await stage.relay(token)
        assert await case.result() == "completed"
