"""What staff may ask of a grant, state by state. A refusal leaves nothing behind."""

from __future__ import annotations

import pytest

from domain.campaigns import CampaignTerms
from domain.ids import Prefix, new_id
from store.tables import Grant
from tests.auditing import assert_books_agree
from tests.builders import alter, budget, every_friend, gift_card, in_past, terms
from tests.workflows.case import Case, Refused, eventually
from tests.workflows.histories import events_of, kind
from tests.workflows.stage import Stage


def single(**card: object) -> CampaignTerms:
    """One gift card, the referee's."""
    return terms(referee_reward=gift_card(**card), tiers=(), limits=budget(600_00))


async def parked_for_funds(stage: Stage) -> tuple[Case, Grant]:
    """Certain that no card exists: the provider said no."""
    await stage.simulator.funds(0)
    case = await stage.converted(single())
    await case.parked("insufficient_funds")
    # Otherwise the lane's own next try may come before what the test does.
    await stage.delay_probes()
    return case, await case.parked("insufficient_funds")


async def ordering(stage: Stage) -> tuple[Case, Grant]:
    """The request is at the provider, and nobody knows its outcome."""
    await stage.simulator.put("hold", point="received")
    case = await stage.converted(single())
    await eventually(stage.simulator.held)
    return case, (await case.grants())[0]


async def ordered(stage: Stage) -> tuple[Case, Grant]:
    """The provider has the order, and the card is on its way."""
    await stage.simulator.put("delivery", seconds=0, outcome="never")
    case = await stage.converted(single())

    async def there() -> list[Grant]:
        return await case.grants(status="ordered")

    return case, (await eventually(there))[0]


class TestParked:
    async def test_a_retry_is_accepted_and_told(self, stage: Stage) -> None:
        case, grant = await parked_for_funds(stage)
        await stage.simulator.funds(100_00)
        await case.retry(grant.id)
        assert await case.result() == "completed"
        assert await case.events(source="staff") == ["grant.retry"]
        assert len(await case.cards()) == 1
        await assert_books_agree(stage.database)

    async def test_a_cancellation_is_accepted_and_releases_the_budget(self, stage: Stage) -> None:
        case, grant = await parked_for_funds(stage)
        await case.cancel(grant.id)
        assert await case.result() == "completed"
        await stage.simulator.funds(100_00)
        assert [grant.status for grant in await case.grants()] == ["cancelled"]
        assert await case.cards() == []
        await assert_books_agree(stage.database)

    async def test_a_cancellation_that_the_facts_refuse_leaves_the_grant_parked(
        self, stage: Stage
    ) -> None:
        """Between the validator's look and the transaction, a card may have come to exist."""
        case, grant = await parked_for_funds(stage)
        await stage.delay_probes()
        (order,) = await case.orders()
        await alter(stage.database, order, state="unknown")
        await case.cancel(grant.id)
        await alter(stage.database, order, state="prepared")
        assert [grant.status for grant in await case.grants()] == ["needs_attention"]
        await stage.simulator.funds(100_00)
        await case.retry(grant.id)
        assert await case.result() == "completed"
        assert len(await case.cards()) == 1


class TestOrdering:
    async def test_cancel_and_retry_are_refused_while_the_outcome_is_unknown(
        self, stage: Stage
    ) -> None:
        case, grant = await ordering(stage)
        before = len(await events_of(case))
        with pytest.raises(Refused, match="Only a grant that needs attention"):
            await case.retry(grant.id)
        with pytest.raises(Refused, match="no card"):
            await case.cancel(grant.id)
        assert len(await events_of(case)) == before
        await stage.simulator.put("hold", point=None)
        assert await case.result() == "completed"
        assert len(await case.cards()) == 1


class TestOrdered:
    async def test_cancel_and_retry_are_refused_once_ordered(self, stage: Stage) -> None:
        case, grant = await ordered(stage)
        with pytest.raises(Refused, match="Only a grant that needs attention"):
            await case.retry(grant.id)
        with pytest.raises(Refused, match="no card"):
            await case.cancel(grant.id)
        assert await case.events(source="staff") == []
        await stage.simulator.put("delivery", seconds=0, outcome="delivered")
        assert await case.result() == "completed"


class TestOverdue:
    async def test_a_retry_looks_again_and_the_late_card_still_ends_it(self, stage: Stage) -> None:
        case, _ = await ordered(stage)
        stage.hooks.keep()
        (order,) = await case.orders()
        await alter(stage.database, order, first_sent_at=in_past(days=8))
        grant = await case.parked("delivery_overdue")
        with pytest.raises(Refused, match="no card"):
            await case.cancel(grant.id)
        await case.retry(grant.id)
        await stage.simulator.put("delivery", seconds=0, outcome="delivered")
        assert await case.result() == "completed"
        assert [grant.attention for grant in await case.grants()] == [None]


class TestDelivered:
    async def test_cancel_and_retry_are_refused_for_a_delivered_grant(self, stage: Stage) -> None:
        # The referrer's card is worth more than the provider sells; the referee's arrives.
        case = await stage.converted(terms(every_friend(gift_card(600_00))))
        await case.parked("order_rejected")
        (arrived,) = await case.grants(role="referee")
        await eventually(lambda: case.grants(role="referee", status="delivered"))
        with pytest.raises(Refused, match="Only a grant that needs attention"):
            await case.retry(arrived.id)
        with pytest.raises(Refused, match="no card"):
            await case.cancel(arrived.id)


class TestUnknownGrant:
    async def test_is_refused(self, stage: Stage) -> None:
        case, _ = await ordered(stage)
        for ask in (case.retry, case.cancel):
            with pytest.raises(Refused, match="does not carry that grant"):
                await ask(new_id(Prefix.GRANT))
        assert not any("UPDATE" in kind(event) for event in await events_of(case))
