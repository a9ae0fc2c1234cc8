"""The secret that never rotates."""

from __future__ import annotations

from store.access.lasting_secret import key_for
from store.database import Database
from store.tables import LastingSecret
from tests.builders import rows


async def key(database: Database, purpose: str) -> bytes:
    async with database.transaction() as tx:
        return await key_for(tx, purpose)


class TestTheLastingSecret:
    async def test_is_made_with_the_schema_so_that_every_backup_holds_it(
        self, database: Database
    ) -> None:
        (row,) = await rows(database, LastingSecret)
        assert len(row.secret) == 32

    async def test_is_the_same_for_every_process(self, database_url: str) -> None:
        processes = [Database(database_url) for _ in range(2)]
        try:
            keys = [await key(each, "orders") for each in processes]
            assert keys[0] == keys[1]
        finally:
            for each in processes:
                await each.dispose()

    async def test_gives_each_purpose_a_key_of_its_own(self, database: Database) -> None:
        orders, marks = await key(database, "orders"), await key(database, "marks")
        assert orders != marks
        assert len(orders) == len(marks) == 32
        (row,) = await rows(database, LastingSecret)
        assert row.secret not in (orders, marks)
