"""A provider's webhook, from the API's hook to the workflow: a hint to look, never a fact."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.auditing import assert_books_agree
from tests.builders import gift_card, terms
from tests.keeping import Keep
from tests.workflows.case import Case, eventually
from tests.workflows.frontdoor import front_door
from tests.workflows.histories import events_of
from tests.workflows.stage import Stage

LONGEST_DELAY = 60.0
"""The first poll comes after half of it: what happens sooner, a webhook has done."""

SINGLE = terms(referee_reward=gift_card(), tiers=())


@pytest_asyncio.fixture
async def stage(stage: Stage) -> AsyncIterator[Stage]:
    """Webhooks go through the API."""
    async with front_door(stage) as door:
        stage.hooks.hear = door.receive
        yield stage


async def ordered(stage: Stage) -> Case:
    """The provider has the order; there is no card yet."""
    await stage.simulator.put("delivery", seconds=0, outcome="never")
    case = await stage.converted(SINGLE)
    await eventually(lambda: case.grants(status="ordered"))
    return case


async def looks(case: Case) -> int:
    """How often the order was read at the provider."""
    scheduled = [e.activity_task_scheduled_event_attributes for e in await events_of(case)]
    return sum(each.activity_type.name == "check_order" for each in scheduled)


async def test_both_cards_are_confirmed_by_their_own_webhooks(stage: Stage, keep: Keep) -> None:
    stage.hooks.tokens.clear()
    case = await stage.converted(terms())
    assert await case.result() == "completed"
    tokens = {order.hook_token for order in await case.orders()}
    assert set(stage.hooks.tokens) == tokens
    assert len(await case.cards()) == len(tokens) == 2
    await assert_books_agree(stage.database)
    await keep("completed_double_sided", case.handle)


async def test_one_that_overtakes_the_orders_answer_is_remembered(stage: Stage) -> None:
    stage.hooks.tokens.clear()
    await stage.simulator.put("faults", seed=1, rates={"webhook_early": 1})
    case = await stage.converted(SINGLE)
    assert await case.result() == "completed"
    assert len(stage.hooks.tokens) == 1
    assert await looks(case) == 1


async def test_a_duplicate_changes_nothing(stage: Stage) -> None:
    stage.hooks.tokens.clear()
    await stage.simulator.put("faults", seed=1, rates={"webhook_duplicate": 1})
    case = await stage.converted(terms())
    assert await case.result() == "completed"

    async def all_arrived() -> bool:
        return len(stage.hooks.tokens) == 4

    await eventually(all_arrived)
    assert (await case.events()).count("grant.delivered") == 2
    await assert_books_agree(stage.database)


async def test_a_lost_one_is_made_up_for_by_the_poll(stage: Stage) -> None:
    stage.hooks.tokens.clear()
    await stage.simulator.put("faults", seed=1, rates={"webhook_lost": 1})
    case = await stage.converted(SINGLE)
    await eventually(lambda: case.grants(status="ordered"))
    assert await case.skip(seconds=25)
    assert [grant.status for grant in await case.grants()] == ["ordered"]
    await case.skip(seconds=10)
    assert await case.result() == "completed"
    assert stage.hooks.tokens == []


async def test_one_without_news_costs_a_look_and_decides_nothing(stage: Stage) -> None:
    case = await ordered(stage)
    (order,) = await case.orders()
    await stage.hooks.hear(order.hook_token)

    async def looked() -> bool:
        return await looks(case) == 1

    await eventually(looked)
    assert [grant.status for grant in await case.grants()] == ["ordered"]
    await stage.simulator.put("delivery", seconds=0, outcome="delivered")
    assert await case.result() == "completed"
