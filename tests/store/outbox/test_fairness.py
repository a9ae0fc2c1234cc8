"""Lines that are served in turn, and the fair shares by which their conversions are let in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest_asyncio
from temporalio.testing import WorkflowEnvironment

from domain.round_robin import RoundRobin
from store.database import Database
from store.outbox.dispatcher import Dispatcher
from store.outbox.messages import Outgoing
from store.outbox.throttle import SHARED, ReferrerThrottle
from store.qualification.qualify import qualify
from store.tables import Grant, Intake, Referral
from tests.builders import add_programme, convert, one, points, rows, start_of, terms
from tests.ordering import attempt

POINTS = terms(referee_reward=points(), tiers=())


class TestRoundRobin:
    def test_a_long_line_holds_no_other_up(self) -> None:
        robin: RoundRobin[int] = RoundRobin()
        for number in (1, 2, 3, 4):
            robin.add("hot", number)
        robin.add("other", 10)
        robin.add("third", 20)
        robin.add("other", 11)
        assert len(robin) == 7
        taken = [robin.take() for _ in range(8)]
        assert [one and one[1] for one in taken] == [1, 10, 20, 2, 11, 3, 4, None]
        assert len(robin) == 0

    def test_a_blocked_key_keeps_its_place(self) -> None:
        robin: RoundRobin[int] = RoundRobin()
        robin.add("hot", 1)
        robin.add("other", 2)
        assert robin.take(lambda key: key != "hot") == ("other", 2)
        assert robin.take(lambda key: key != "hot") is None
        assert robin.take() == ("hot", 1)


async def _let_in(database: Database) -> tuple[ReferrerThrottle, Referral]:
    """A gate with one inside, whose reward needs no order, and no shared places."""
    programme = await add_programme(database, POINTS)
    referral = (await convert(database, programme.code)).referrals[0]
    gate = ReferrerThrottle(database, shared=0)
    gate.enter(referral.referrer_id, referral.id)
    return gate, referral


class TestReferrerThrottle:
    async def test_admits_the_next_when_one_is_judged_and_its_orders_are_begun(
        self, database: Database
    ) -> None:
        programme = await add_programme(database)
        referral = (await convert(database, programme.code)).referrals[0]
        gate = ReferrerThrottle(database, shared=0)
        gate.enter(referral.referrer_id, referral.id)
        assert not gate.admits(referral.referrer_id)
        assert gate.admits("another")
        await gate.look([referral.referrer_id])
        assert not gate.admits(referral.referrer_id)
        await qualify(database, start_of(referral))
        await gate.look([referral.referrer_id])
        assert not gate.admits(referral.referrer_id)
        for grant in await rows(database, Grant):
            await attempt(database, grant.id)
        await gate.look([referral.referrer_id])
        assert gate.admits(referral.referrer_id)

    async def test_a_conversion_without_orders_is_done_when_it_is_judged(
        self, database: Database
    ) -> None:
        gate, referral = await _let_in(database)
        await qualify(database, start_of(referral))
        await gate.look([referral.referrer_id])
        assert gate.admits(referral.referrer_id)

    async def test_those_who_need_more_than_one_place_share_a_few(self, database: Database) -> None:
        gate = ReferrerThrottle(database, shared=2)
        for number in range(3):
            assert gate.admits("hot")
            gate.enter("hot", f"hot-{number}")
        assert not gate.admits("hot")
        assert gate.admits("other")
        gate.enter("other", "other-1")
        assert not gate.admits("other")
        gate.leave("hot", "hot-1")
        assert gate.admits("other")
        gate.enter("other", "other-2")
        assert not gate.admits("hot")

    async def test_a_conversion_long_after_the_last_one_does_not_wait(
        self, database: Database
    ) -> None:
        gate, referral = await _let_in(database)
        await qualify(database, start_of(referral))
        await gate.look([referral.referrer_id])
        assert gate.admits(referral.referrer_id)

    async def test_a_stuck_conversion_does_not_block_the_next_for_ever(
        self, database: Database
    ) -> None:
        programme = await add_programme(database)
        referral = (await convert(database, programme.code)).referrals[0]
        gate = ReferrerThrottle(database, patience=0, shared=0)
        gate.enter(referral.referrer_id, referral.id)
        await gate.look([referral.referrer_id])
        assert gate.admits(referral.referrer_id)


@pytest_asyncio.fixture
async def dispatcher(
    database: Database, temporal: WorkflowEnvironment
) -> AsyncIterator[Dispatcher]:
    """Beside a Temporal without workers, with more patience than any machine needs."""
    dispatcher = Dispatcher(database, temporal.client, patience=60)
    yield dispatcher
    await dispatcher.close()


async def _sent(database: Database, messages: list[Outgoing], count: int) -> None:
    """Wait until that many of these are marked, and see that no more follow."""
    ids = {message.id for message in messages}

    async def marked() -> int:
        return sum(row.sent_at is not None for row in await rows(database, Intake) if row.id in ids)

    async with asyncio.timeout(120):
        while await marked() < count:
            await asyncio.sleep(0.05)
    await asyncio.sleep(0.3)
    assert await marked() == count


class TestDispatcher:
    async def test_a_hot_code_waits_behind_itself_and_nobody_else_does(
        self, database: Database, dispatcher: Dispatcher
    ) -> None:
        hot, other = await add_programme(database, POINTS), await add_programme(database, POINTS)
        at_once = 1 + SHARED
        crowd = [(await convert(database, hot.code)).intake[0] for _ in range(at_once + 2)]
        friend = await convert(database, other.code)
        dispatcher.wake([*crowd, *friend.intake])
        await _sent(database, friend.intake, 1)
        await _sent(database, crowd, at_once)
        first = await one(database, Referral, id=crowd[0].start.referral_id)
        await qualify(database, start_of(first))
        await _sent(database, crowd, at_once + 1)
