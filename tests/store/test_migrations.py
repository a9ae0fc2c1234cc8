"""The schema comes from migrations alone, which can be run again, twice at once, and back."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from itertools import count

import asyncpg
import pytest_asyncio
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, MetaData
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from store import migrate
from store.database import async_url
from store.tables import metadata

_numbers = count(1)


@pytest_asyncio.fixture
async def empty_url(postgres_url: str) -> AsyncIterator[str]:
    """A database in which nothing has been migrated."""
    name = f"empty_{next(_numbers)}"
    connection = await asyncpg.connect(postgres_url)
    await connection.execute(f"CREATE DATABASE {name}")
    yield make_url(postgres_url).set(database=name).render_as_string(hide_password=False)
    await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await connection.close()


async def upgrade(url: str) -> None:
    await asyncio.to_thread(migrate.upgrade, url)


async def upgrade_in_a_process(url: str) -> int:
    """As `guerdon migrate` of another host would."""
    statement = "import sys; from store.migrate import upgrade; upgrade(sys.argv[1])"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", statement, url)
    return await process.wait()


async def looking(url: str, look: Callable[[Connection], object]) -> object:
    engine = create_async_engine(async_url(url))
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(look)
    finally:
        await engine.dispose()


def tables(connection: Connection) -> set[str]:
    found = MetaData()
    found.reflect(connection)
    return set(found.tables)


def to_base(connection: Connection) -> None:
    config = Config(str(migrate.__file__).replace("migrate.py", "alembic.ini"))
    config.attributes["connection"] = connection
    command.downgrade(config, "base")


async def test_upgrade_makes_every_table_from_nothing(empty_url: str) -> None:
    await upgrade(empty_url)
    assert await looking(empty_url, tables) == {*metadata.tables, "alembic_version"}
    assert await looking(empty_url, migrate.applied) == migrate.head()


async def test_upgrade_twice_changes_nothing(empty_url: str) -> None:
    await upgrade(empty_url)
    await upgrade(empty_url)
    assert await looking(empty_url, migrate.applied) == migrate.head()


async def test_two_upgrades_at_once_both_succeed(empty_url: str) -> None:
    ended = await asyncio.gather(*(upgrade_in_a_process(empty_url) for _ in range(2)))
    assert ended == [0, 0]
    assert await looking(empty_url, migrate.applied) == migrate.head()


async def test_models_and_migrations_say_the_same(empty_url: str) -> None:
    await upgrade(empty_url)
    await asyncio.to_thread(migrate.check, empty_url)


async def test_downgrade_to_nothing_and_up_again(empty_url: str) -> None:
    await upgrade(empty_url)
    await looking(empty_url, to_base)
    assert await looking(empty_url, tables) == {"alembic_version"}
    await upgrade(empty_url)
    await asyncio.to_thread(migrate.check, empty_url)


async def test_an_untouched_database_has_no_revision(empty_url: str) -> None:
    assert await looking(empty_url, migrate.applied) is None
