"""Milestones across edits of their thresholds, reversals, and an upgrade of the database."""

from __future__ import annotations

import asyncio
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

from domain.campaigns import OnReversal, Tier
from domain.grants import GrantIdentity
from domain.orders import key_stem
from store import migrate
from store.campaigns import revise as revisions
from store.database import Database, async_url
from store.grants.order_keys import stem_of
from store.qualification import qualify as qualification
from store.reversals.carry_out import carry_out
from store.reversals.request import request_reversal
from store.tables import Grant
from store.terms import terms_of
from tests.auditing import assert_books_agree
from tests.builders import (
    Programme,
    add_programme,
    convert,
    every_friend,
    gift_card,
    many_friends,
    points,
    qualify,
    rows,
    sign_up,
    start_of,
    terms,
)


async def edit(database: Database, programme: Programme, *tiers: Tier) -> None:
    """From the next referral on, these tiers count."""
    async with database.transaction() as tx:
        campaign = await revisions.lock(tx, programme.campaign_id)
        before = await terms_of(tx, campaign.id, campaign.version)
        after = before.model_copy(update={"tiers": tiers})
        await revisions.revise(tx, campaign, before, after, {}, actor="app_test")


async def friends(database: Database, programme: Programme, count: int) -> None:
    """So many more convert, one after another."""
    for _ in range(count):
        await qualify(database, programme.code)


async def milestones(database: Database, programme: Programme) -> list[tuple[int, int]]:
    """(number, friends counted) of the programme's milestones."""
    grants = await rows(database, Grant, campaign_id=programme.campaign_id, reason="tier_many")
    return sorted((grant.ordinal, grant.friends_counted or 0) for grant in grants)


def single_sided(*tiers: Tier) -> Any:
    return terms(*tiers, referee_reward=None)


class TestEdits:
    async def test_a_raised_threshold_does_not_pay_a_one_time_milestone_again(
        self, database: Database
    ) -> None:
        programme = await add_programme(database, single_sided(many_friends(2)))
        await friends(database, programme, 2)
        for threshold in (3, 4):
            await edit(database, programme, many_friends(threshold))
            await friends(database, programme, 1)
        assert await milestones(database, programme) == [(1, 2)]

    async def test_a_lowered_threshold_pays_the_milestone_with_the_next_friend(
        self, database: Database
    ) -> None:
        programme = await add_programme(database, single_sided(many_friends(5)))
        await friends(database, programme, 3)
        await edit(database, programme, many_friends(2))
        await friends(database, programme, 2)
        assert await milestones(database, programme) == [(1, 4)]

    async def test_a_friend_who_waited_under_older_terms_does_not_pay_it_again(
        self, database: Database
    ) -> None:
        programme = await add_programme(database, single_sided(many_friends(3)))
        waiting = await sign_up(database, programme.code)
        await edit(database, programme, many_friends(2))
        await friends(database, programme, 2)
        await qualify(database, programme.code, waiting.referee_id)
        assert await milestones(database, programme) == [(1, 2)]

    async def test_a_repeated_milestone_goes_on_at_the_new_multiples(
        self, database: Database
    ) -> None:
        programme = await add_programme(database, single_sided(many_friends(2, repeat=True)))
        await friends(database, programme, 4)
        await edit(database, programme, many_friends(3, repeat=True))
        await friends(database, programme, 2)
        assert await milestones(database, programme) == [(1, 2), (2, 4), (3, 6)]

    async def test_a_tier_for_each_friend_may_become_a_milestone_and_back(
        self, database: Database
    ) -> None:
        each = every_friend(points(10), id="tier_many")
        programme = await add_programme(database, single_sided(each))
        await friends(database, programme, 2)
        await edit(database, programme, many_friends(2))
        await friends(database, programme, 2)
        await edit(database, programme, each)
        await friends(database, programme, 1)
        grants = await rows(database, Grant)
        assert [(grant.ordinal, grant.friends_counted) for grant in grants] == [
            (1, None),
            (2, None),
            (1, 3),
            (5, None),
        ]


class TestReversals:
    async def reverse(self, database: Database, referral_id: str) -> None:
        async with database.transaction() as tx:
            await request_reversal(tx, referral_id, None, "returned", referral_id)
        async with database.transaction() as tx:
            await carry_out(tx, referral_id)

    async def friend(self, database: Database, programme: Programme) -> str:
        referral = await sign_up(database, programme.code)
        await qualify(database, programme.code, referral.referee_id)
        return referral.id

    async def test_a_milestone_that_its_lowered_threshold_still_allows_stands(
        self, database: Database
    ) -> None:
        undoable = {"on_reversal": OnReversal.UNDO}
        old, new = (many_friends(n).model_copy(update=undoable) for n in (5, 2))
        programme = await add_programme(database, single_sided(old))
        await friends(database, programme, 3)
        await edit(database, programme, new)
        fourth = await self.friend(database, programme)
        await self.reverse(database, fourth)
        (grant,) = await rows(database, Grant)
        assert (grant.status, grant.reversed_by) == ("ordering", None)

    async def test_an_undone_milestone_is_reopened_though_the_terms_now_keep_it(
        self, database: Database
    ) -> None:
        undoable = many_friends(2).model_copy(update={"on_reversal": OnReversal.UNDO})
        programme = await add_programme(database, single_sided(undoable))
        first = await self.friend(database, programme)
        await self.friend(database, programme)
        await self.reverse(database, first)
        assert [grant.status for grant in await rows(database, Grant)] == ["cancelled"]
        await edit(database, programme, many_friends(2))
        await self.friend(database, programme)
        assert [grant.status for grant in await rows(database, Grant)] == ["ordering"]
        assert await milestones(database, programme) == [(1, 2)]
        await assert_books_agree(database)


async def upgraded_from(url: str, to: str) -> None:
    """Bring the database down to that revision, and up again, as an upgrade does."""

    def down(connection: Connection) -> None:
        config = Config(str(migrate.__file__).replace("migrate.py", "alembic.ini"))
        config.attributes["connection"] = connection
        command.downgrade(config, to)

    engine = create_async_engine(async_url(url))
    async with engine.begin() as connection:
        await connection.run_sync(down)
        ordinals = await connection.execute(text("SELECT max(ordinal) FROM grants"))
        assert ordinals.scalar_one() == 4, "before the upgrade a milestone's ordinal is its count"
    await engine.dispose()
    await asyncio.to_thread(migrate.upgrade, url)


async def test_an_upgrade_numbers_the_milestones_and_pays_none_again(database_url: str) -> None:
    """Referrers on both sides of both kinds' thresholds; their cards keep their order keys."""
    database = Database(database_url)
    once, again = many_friends(2, gift_card()), many_friends(2, gift_card(), repeat=True)
    of = {
        (kind, count): await add_programme(database, single_sided(tier))
        for kind, tier in (("once", once), ("again", again))
        for count in (1, 4)
    }
    for (_, count), programme in of.items():
        await friends(database, programme, count)
    await database.dispose()

    await upgraded_from(database_url, "0009")

    database = Database(database_url)
    assert await milestones(database, of["once", 4]) == [(1, 2)]
    assert await milestones(database, of["again", 4]) == [(1, 2), (2, 4)]
    for grant in await rows(database, Grant):
        whose = (grant.campaign_id, grant.reason, grant.recipient_id)
        before = GrantIdentity(*whose, grant.friends_counted or 0)
        assert stem_of(grant) == key_stem(before)
    for programme in of.values():
        await friends(database, programme, 2)
    assert await milestones(database, of["once", 1]) == [(1, 2)]
    assert await milestones(database, of["once", 4]) == [(1, 2)]
    assert await milestones(database, of["again", 1]) == [(1, 2)]
    assert await milestones(database, of["again", 4]) == [(1, 2), (2, 4), (3, 6)]
    grants = await rows(database, Grant)
    keys = {stem_of(grant) for grant in grants}
    assert len(keys) == len(grants), "no two milestones order under one key"
    await database.dispose()


async def test_a_worker_of_the_release_before_beside_the_upgrade_pays_no_milestone_twice(
    database: Database,
) -> None:
    """It writes the count as the ordinal, and knows of no number."""
    programme = await add_programme(database, single_sided(many_friends(2)))
    await friends(database, programme, 2)
    async with database.transaction() as tx:
        await tx.session.execute(text("UPDATE grants SET ordinal = 2, friends_counted = NULL"))
    await friends(database, programme, 2)
    assert len(await rows(database, Grant)) == 1


async def test_two_who_reach_a_lowered_threshold_at_once_earn_it_once(database: Database) -> None:
    programme = await add_programme(database, single_sided(many_friends(5)))
    await friends(database, programme, 3)
    await edit(database, programme, many_friends(2))
    referrals = [await sign_up(database, programme.code) for _ in range(2)]
    for referral in referrals:
        await convert(database, programme.code, referral.referee_id)
    await asyncio.gather(
        *(qualification.qualify(database, start_of(referral)) for referral in referrals)
    )
    assert await milestones(database, programme) == [(1, 4)]
