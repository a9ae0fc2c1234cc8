"""Another product or provider: as a new generation after a definite refusal, never in doubt."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from temporalio.exceptions import ApplicationError

from activities.lane import ProviderLane
from domain.grants import Attention
from domain.messages import Next, Step
from domain.rewards import Alternative, GiftCard
from providers.tremendous import Tremendous, TremendousSettings
from store.database import Database
from store.tables import Event, Grant, Order
from tests.activities.lane_under_test import TIMING, LaneUnderTest, Provider
from tests.auditing import assert_books_agree
from tests.builders import add_grant, gift_card, one, rows
from tests.ordering import PACE, VAULT

HERE, THERE = "giftcard-partners", "tremendous"


def refused(*alternatives: tuple[str, str]) -> GiftCard:
    """A card that its provider does not know, and what may be ordered instead."""
    given = [Alternative(provider=name, product_id=product) for name, product in alternatives]
    return gift_card(product_id="NO-SUCH", alternatives=given)


@pytest_asyncio.fixture
async def there(
    database: Database, simulator_url: str, provider: Provider
) -> AsyncIterator[LaneUnderTest]:
    """The other provider's lane."""
    settings = TremendousSettings.model_validate(
        {"url": f"{simulator_url}/tremendous", "api_key": "secret"}
    )
    adapter = Tremendous(settings, within=TIMING.attempt.total_seconds())
    parts = ProviderLane(
        database=database,
        provider=adapter,
        vault=VAULT,
        timing=TIMING,
        pace=PACE,
        hooks="http://127.0.0.1:9",
    )
    yield LaneUnderTest(database, parts)
    await adapter.close()


async def test_a_refused_card_is_ordered_elsewhere_as_the_next_generation(
    database: Database, lane: LaneUnderTest, there: LaneUnderTest, provider: Provider
) -> None:
    grant = await add_grant(database, refused((THERE, "OKMHM2X2OHYV")))
    assert await lane.place(grant.id) == Step(next=Next.ORDER, provider=THERE)
    event = await one(database, Event, type="grant.alternative")
    assert event.data == {"provider": THERE, "product_id": "OKMHM2X2OHYV"}
    assert event.detail is not None
    assert event.detail.startswith(f"{HERE}: ")

    assert (await there.place(grant.id)).next is Next.FOLLOW
    await provider.deliver()
    await there.check_until(grant.id, "delivered")
    old, new = sorted(await rows(database, Order), key=lambda order: order.generation)
    assert (old.provider, old.state, old.generation) == (HERE, "failed", 1)
    assert (new.provider, new.state, new.generation) == (THERE, "issued", 2)
    assert await provider.book() == []
    await assert_books_agree(database)


async def test_alternatives_are_tried_in_order_and_then_the_grant_is_parked(
    database: Database, lane: LaneUnderTest, there: LaneUnderTest, provider: Provider
) -> None:
    grant = await add_grant(database, refused((HERE, "NOR-THIS"), (THERE, "NOR-THAT")))
    assert (await lane.place(grant.id)).provider == HERE
    assert (await lane.place(grant.id)).provider == THERE
    step = await there.place(grant.id)
    assert (step.next, step.attention) == (Next.ATTEND, Attention.ORDER_REJECTED)
    assert [order.state for order in await rows(database, Order)] == ["failed"] * 3
    assert (await one(database, Grant)).reward["product_id"] == "NOR-THAT"
    await assert_books_agree(database)


@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "error_after", "garbage"])
async def test_an_unknown_outcome_orders_nothing_elsewhere(
    database: Database, lane: LaneUnderTest, provider: Provider, fault: str
) -> None:
    known = gift_card(alternatives=[Alternative(provider=THERE, product_id="OKMHM2X2OHYV")])
    grant = await add_grant(database, known)
    await provider.fail(**{fault: 1})
    with pytest.raises(ApplicationError):
        await lane.place(grant.id)
    await provider.fail()
    await lane.place_at_last(grant.id)
    assert await rows(database, Event, type="grant.alternative") == []
    assert len(await provider.book()) == 1


async def test_an_empty_deposit_is_no_refusal(
    database: Database, lane: LaneUnderTest, provider: Provider
) -> None:
    known = gift_card(alternatives=[Alternative(provider=THERE, product_id="OKMHM2X2OHYV")])
    grant = await add_grant(database, known)
    await provider.put("funds", provider=HERE, amount=1)
    assert (await lane.place(grant.id)).attention is Attention.INSUFFICIENT_FUNDS


async def test_the_provider_before_sends_and_reads_nothing_any_more(
    database: Database, lane: LaneUnderTest, there: LaneUnderTest, provider: Provider
) -> None:
    grant = await add_grant(database, refused((THERE, "OKMHM2X2OHYV")))
    await lane.place(grant.id)
    asked = await provider.asked()
    assert await lane.place(grant.id) == Step(next=Next.ORDER, provider=THERE)
    await there.place(grant.id)
    assert await lane.check(grant.id) == Step(next=Next.FOLLOW, provider=THERE)
    assert await lane.place(grant.id) == Step(next=Next.FOLLOW)
    assert await provider.asked() == asked
