"""A restored database comes to the order keys that it had before."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import count

from domain.orders import order_key
from store.customers.erase import erase
from store.database import Database
from store.grants.order_keys import stem_of
from store.orders.prepare import hook_token
from store.tables import Customer, Grant
from tests.builders import (
    Programme,
    add_customer,
    add_programme,
    every_friend,
    gift_card,
    many_friends,
    one,
    qualify,
    rows,
    sign_up,
    terms,
)
from tests.databases import cloned

FRIENDS = [f"friend-{number}" for number in range(8)]
TIERS = (every_friend(gift_card(10_00)), many_friends(3, gift_card(30_00), repeat=True))
_numbers = count(1)


@asynccontextmanager
async def restored(server: str, backup: str) -> AsyncIterator[Database]:
    """A database as the backup was."""
    async with cloned(server, f"restored_{next(_numbers)}", backup) as url:
        database = Database(url)
        yield database
        await database.dispose()


async def repeat(database: Database, programme: Programme, friends: Sequence[str]) -> set[str]:
    """Callers send each friend's conversion; the keys of all cards that this orders."""
    for friend in friends:
        await qualify(database, programme.code, await add_customer(database, source_id=friend))
    return {order_key(stem_of(grant), 1) for grant in await rows(database, Grant)}


class TestOrderKeys:
    async def test_are_the_same_after_a_restore_in_whatever_order_callers_repeat(
        self, postgres_url: str
    ) -> None:
        async with cloned(postgres_url, "a_backup") as url:
            database = Database(url)
            programme = await add_programme(database, terms(*TIERS))
            # Two of the friends are known by then, one of them has signed up.
            await add_customer(database, source_id=FRIENDS[0])
            known = await add_customer(database, source_id=FRIENDS[1])
            await sign_up(database, programme.code, known)
            await database.dispose()
            async with restored(postgres_url, "a_backup") as first:
                bought = await repeat(first, programme, FRIENDS)
            async with restored(postgres_url, "a_backup") as second:
                again = await repeat(second, programme, FRIENDS[::-1])
        # A card for each friend, one for the referrer for each, and one for every third.
        assert len(bought) == 8 + 8 + 2
        assert again == bought

    async def test_a_person_who_registers_again_after_erasure_gets_other_keys(
        self, database: Database
    ) -> None:
        programme = await add_programme(database, terms(*TIERS))
        keys = []
        for _ in range(3):
            before = {grant.id for grant in await rows(database, Grant)}
            friend = await add_customer(database, source_id="friend")
            await qualify(database, programme.code, friend)
            made = [grant for grant in await rows(database, Grant) if grant.id not in before]
            keys += [stem_of(grant) for grant in made]
            await _deliver(database)
            async with database.transaction() as tx:
                await erase(tx, friend)
        assert len(set(keys)) == len(keys) == 3 * 2 + 1

    async def test_are_frozen_on_the_grant_when_it_is_made(self, database: Database) -> None:
        programme = await add_programme(database, terms())
        friend = await add_customer(database, source_id="friend")
        await qualify(database, programme.code, friend)
        frozen = {grant.role: grant.key_stem for grant in await rows(database, Grant)}
        await _deliver(database)
        async with database.transaction() as tx:
            await erase(tx, friend)
        assert {grant.role: stem_of(grant) for grant in await rows(database, Grant)} == frozen
        assert (await one(database, Customer, id=friend)).source_id is None

    async def test_lead_to_the_address_for_webhooks_that_the_provider_was_given(
        self, database: Database
    ) -> None:
        async with database.transaction() as tx:
            token = await hook_token(tx, "gd1g1")
        async with database.transaction() as tx:
            assert await hook_token(tx, "gd1g1") == token
            assert await hook_token(tx, "gd1g2") != token
        assert len(token) == 43


async def _deliver(database: Database) -> None:
    """Every card has arrived: nothing keeps a person from being erased."""
    async with database.transaction() as tx:
        for grant in await rows(database, Grant):
            (await tx.session.get_one(Grant, grant.id)).status = "delivered"
