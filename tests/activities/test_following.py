"""An order is followed while it is hot, by the activity that placed it: one transaction and no
second activity for a card that comes at once. The judge is the provider's own book."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest_asyncio

from domain.grants import GrantStatus
from domain.messages import Next, Step
from domain.orders import OrderState
from store.database import Database
from store.orders.hints_line import HintsLine, tell
from store.orders.queries import find_by_hook
from store.tables import Order
from tests.activities.lane_under_test import TIMING, LaneUnderTest, Provider
from tests.auditing import assert_books_agree
from tests.builders import PROVIDER, add_grant, rows

LONG, BRIEF = timedelta(seconds=30), timedelta(seconds=0.4)


@pytest_asyncio.fixture
async def hints(database: Database) -> AsyncIterator[HintsLine]:
    """A worker's line, once it hears."""
    line = HintsLine(database)
    listening = asyncio.create_task(line.listen())
    with line.awaited("ord_nobodys") as heard:
        while not heard.is_set():
            await tell(database, "ord_nobodys")
            await asyncio.sleep(0.05)
    yield line
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)


def following(lane: LaneUnderTest, hints: HintsLine, follow: timedelta) -> LaneUnderTest:
    """The same lane, whose orders are followed for so long."""
    timing = replace(TIMING, follow=follow)
    return LaneUnderTest(lane.database, replace(lane.parts, hints=hints, timing=timing))


async def placed(database: Database, provider: Provider) -> Order:
    """The order, once the provider has it."""
    while not await provider.book():
        await asyncio.sleep(0.02)
    (order,) = await rows(database, Order)
    return order


async def is_followed(database: Database, order: Order) -> bool:
    async with database.reading() as session:
        hooked = await find_by_hook(session, PROVIDER, order.hook_token)
    assert hooked is not None
    return hooked.followed


async def test_a_webhook_that_comes_at_once_spares_the_record_of_the_acceptance(
    database: Database, lane: LaneUnderTest, provider: Provider, hints: HintsLine
) -> None:
    await provider.deliver()
    grant = await add_grant(database)
    hot = following(lane, hints, LONG)
    placing = asyncio.create_task(hot.place(grant.id))
    order = await placed(database, provider)
    while (await provider.book())[0]["delivery"] != "delivered":
        await asyncio.sleep(0.02)
    while not placing.done():  # however long the answer takes to come back
        await tell(database, order.id)
        await asyncio.sleep(0.01)
    assert await placing == Step(next=Next.REST)
    assert (await hot.grant(grant.id)).status == GrantStatus.DELIVERED
    assert await hot.told(grant.id) == ["order.issued", "grant.delivered"]
    assert not await is_followed(database, order)
    assert await provider.asked() == 1
    await assert_books_agree(database)


async def test_a_webhook_of_a_moment_later_ends_the_wait_too(
    database: Database, lane: LaneUnderTest, provider: Provider, hints: HintsLine
) -> None:
    grant = await add_grant(database)
    hot = following(lane, hints, LONG)
    placing = asyncio.create_task(hot.place(grant.id))
    while (await placed(database, provider)).state != OrderState.PENDING:
        await asyncio.sleep(0.02)
    order = await placed(database, provider)
    assert await is_followed(database, order)
    await provider.deliver()
    while (await provider.book())[0]["delivery"] != "delivered":
        await asyncio.sleep(0.02)
    await tell(database, order.id)
    assert await placing == Step(next=Next.REST)
    assert await hot.told(grant.id) == ["order.pending", "order.issued", "grant.delivered"]


async def test_without_a_webhook_the_last_look_finds_the_card(
    database: Database, lane: LaneUnderTest, provider: Provider, hints: HintsLine
) -> None:
    await provider.deliver()
    grant = await add_grant(database)
    assert await following(lane, hints, BRIEF).place(grant.id) == Step(next=Next.REST)


async def test_what_takes_longer_is_left_to_the_workflow(
    database: Database, lane: LaneUnderTest, provider: Provider, hints: HintsLine
) -> None:
    grant = await add_grant(database)
    step = await following(lane, hints, BRIEF).place(grant.id)
    assert step.next is Next.FOLLOW
    order = await placed(database, provider)
    assert (order.state, order.followed_until) == (OrderState.PENDING, None)


async def test_whoever_takes_over_from_one_that_was_killed_orders_nothing_again(
    database: Database, lane: LaneUnderTest, provider: Provider, hints: HintsLine
) -> None:
    """Killed when the provider had answered, and before anything was recorded."""
    grant = await add_grant(database)
    timing = replace(TIMING, claim=timedelta(seconds=1), attempt=timedelta(seconds=0.9))
    hurried = LaneUnderTest(
        database, replace(lane.parts, hints=hints, timing=replace(timing, follow=LONG))
    )
    placing = asyncio.create_task(hurried.place(grant.id))
    await placed(database, provider)
    placing.cancel()
    await asyncio.gather(placing, return_exceptions=True)
    await provider.deliver()
    successor = hurried.timed(replace(timing, follow=BRIEF))
    assert await successor.place_at_last(grant.id, most=200) == Step(next=Next.REST)
    assert len(await provider.book()) == 1
    await assert_books_agree(database)
