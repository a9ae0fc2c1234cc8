"""A provider that takes orders without funds, and holds them back: its lane stops all the same, so
that finance is told and the next orders do not pile up there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from domain.grants import Attention
from domain.messages import Next
from store.tables import Event, Lane
from tests.auditing import assert_books_agree
from tests.builders import one, rows
from tests.conformance.scene import Scene


async def test_the_lane_stops_at_the_first_and_opens_once_that_one_goes_out(
    scene_of: Callable[[str], Awaitable[Scene]],
) -> None:
    scene = await scene_of("giftbit")
    first, second = await scene.grant(), await scene.grant()
    await scene.side.put("funds", amount=1)
    step = await scene.lane.answered(first)
    assert (step.next, step.attention) == (Next.FOLLOW, Attention.INSUFFICIENT_FUNDS)
    lane = await one(scene.database, Lane)
    assert (lane.provider, lane.attention) == ("giftbit", Attention.INSUFFICIENT_FUNDS)
    assert await scene.told("lane.stopped") == 1

    await scene.lane.check(first)
    assert await scene.told("lane.stopped") == 1

    await scene.side.put("funds", amount=1_000_00)
    await scene.lane.to_rest(first)
    assert await rows(scene.database, Lane) == []
    assert await scene.told("lane.reopened") == 1
    await scene.lane.to_rest(second)
    assert len(await scene.side.book()) == 2
    types = [event.type for event in await rows(scene.database, Event, grant_id=first)]
    assert types.count("grant.insufficient_funds") == 1
    await assert_books_agree(scene.database)
