"""The secret that never rotates."""

from __future__ import annotations

import asyncio

from store.access.lasting_secret import key_for
from store.database import Database
from store.tables import LastingSecret
from tests.builders import rows
from tests.databases import cloned


async def key(database: Database, purpose: str) -> bytes:
    async with database.transaction() as tx:
        return await key_for(tx, purpose)


class TestTheLastingSecret:
    async def test_is_made_once_also_by_processes_that_need_it_at_the_same_time(
        self, database_url: str
    ) -> None:
        processes = [Database(database_url) for _ in range(8)]
        try:
            keys = await asyncio.gather(*(key(each, "orders") for each in processes))
            assert len(set(keys)) == 1
            assert len(await rows(processes[0], LastingSecret)) == 1
        finally:
            for each in processes:
                await each.dispose()

    async def test_gives_each_purpose_a_key_of_its_own(self, database: Database) -> None:
        orders, marks = await key(database, "orders"), await key(database, "marks")
        assert orders != marks
        assert len(orders) == len(marks) == 32
        (row,) = await rows(database, LastingSecret)
        assert row.secret not in (orders, marks)

    async def test_belongs_to_its_database(self, database: Database, postgres_url: str) -> None:
        async with cloned(postgres_url, "another_lasting_secret") as url:
            other = Database(url)
            assert await key(other, "orders") != await key(database, "orders")
            await other.dispose()
