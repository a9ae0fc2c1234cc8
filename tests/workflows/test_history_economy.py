"""What a double-sided referral with two gift cards, each confirmed by its own webhook, costs."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable

import pytest

from tests.builders import add_customer, add_programme, conversion, terms
from tests.workflows.case import Case, eventually
from tests.workflows.histories import events_of, settled, size, table
from tests.workflows.stage import Stage

Begin = Callable[[Stage], Awaitable[Case]]

LONGEST_DELAY = 60.0
"""The first poll comes after half of it, and stays out of these histories."""

MOST_EVENTS, MOST_BYTES = 40, 14_000


async def bought_at_once(stage: Stage) -> Case:
    """The friend's first message is the conversion, as with an event that carries the code."""
    programme = await add_programme(stage.database, terms())
    friend = await add_customer(stage.database)
    accepted = await stage.accept(conversion(friend, programme.code))
    with stage.temporal.with_time_skipping_disabled():
        await stage.send(accepted.intake)
    return Case(stage, accepted.referrals[0], programme.code)


async def signed_up_first(stage: Stage) -> Case:
    """The friend signs up, and converts when the workflow has settled down to wait."""
    with stage.temporal.with_time_skipping_disabled():
        case = await stage.signed_up(terms())
    await asyncio.sleep(0.3)
    await settled(case)
    await case.convert()
    return case


@pytest.fixture(params=[bought_at_once, signed_up_first], ids=lambda begin: begin.__name__)
def begin(request: pytest.FixtureRequest) -> Begin:
    """Both ways in which a referral begins."""
    chosen: Begin = request.param
    return chosen


async def orders_apart(stage: Stage, case: Case) -> None:
    """One order is answered while the other is still held at the provider; then that one."""
    await settled(case, ACTIVITY_TASK_COMPLETED=1)
    assert len(await stage.simulator.held()) == 1
    await stage.simulator.put("hold", point=None)
    await settled(case, ACTIVITY_TASK_COMPLETED=2)


async def webhooks_apart(stage: Stage, case: Case) -> None:
    """Each webhook reaches the workflow when it has nothing else to do."""
    await stage.simulator.put("delivery", seconds=0, outcome="delivered")

    async def both() -> bool:
        return len(stage.hooks.tokens) == 2

    await eventually(both)
    for done, token in enumerate(stage.hooks.tokens, start=3):
        await stage.relay(token)
        await settled(case, ACTIVITY_TASK_COMPLETED=done)


async def nothing_coalesces(stage: Stage) -> None:
    """Hold one of the two orders, and keep the webhooks back."""
    stage.hooks.keep()
    await stage.simulator.put("delivery", seconds=0, outcome="never")
    await stage.simulator.put("hold", point="received", count=1)


async def weigh(case: Case, title: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Print where events and bytes go, and hold them to the limits."""
    assert await case.result() == "completed"
    events = await events_of(case)
    with capsys.disabled():
        sys.stdout.write(f"\n{table(title, events)}\n")
    assert len(events) <= MOST_EVENTS
    assert size(events) <= MOST_BYTES


async def test_worst_case_where_nothing_coalesces(
    stage: Stage, begin: Begin, capsys: pytest.CaptureFixture[str]
) -> None:
    await nothing_coalesces(stage)
    case = await begin(stage)
    await orders_apart(stage, case)
    await webhooks_apart(stage, case)
    await weigh(case, f"worst case, {begin.__name__}", capsys)


async def test_usual_case(stage: Stage, begin: Begin, capsys: pytest.CaptureFixture[str]) -> None:
    case = await begin(stage)
    await weigh(case, f"usual case, {begin.__name__}", capsys)
