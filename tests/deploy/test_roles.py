"""deploy/roles.sql on a real PostgreSQL: Guerdon runs as a role that cannot rewrite anything."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy.engine import make_url

from cli.stack.postgres import _binary as postgres_program
from domain.roles import Role
from store.access.api_keys import create_key
from store.customers.erase import erase
from store.database import Database
from store.ledger.seals import EVENTS, LEDGER, seal_next, verify
from store.migrate import upgrade
from store.runtime_role import APPEND_ONLY, grant_runtime
from tests.builders import add_customer, add_grant, credits

SQL = Path(__file__).parents[2] / "deploy/roles.sql"
GUERDON = "roles_of_guerdon"
DATABASES = (GUERDON, "temporal", "temporal_visibility")
ROLES = ("guerdon_owner", "guerdon_runtime", "temporal")


def _url(server: str, role: str, database: str = GUERDON) -> str:
    url = make_url(server).set(username=role, password=f"pw{role}", database=database)
    return url.render_as_string(hide_password=False)


@pytest_asyncio.fixture
async def server(postgres_url: str) -> AsyncIterator[str]:
    """A server with a database that one superuser made and migrated, as it was before the roles;
    then the script ran over it, twice."""
    admin = await asyncpg.connect(postgres_url)
    try:
        await admin.execute(f"CREATE DATABASE {GUERDON}")
        old = make_url(postgres_url).set(database=GUERDON).render_as_string(hide_password=False)
        await asyncio.to_thread(upgrade, old)
        for _ in range(2):
            _run_script(old)
        owner = _url(postgres_url, "guerdon_owner")
        await asyncio.to_thread(upgrade, owner)
        await asyncio.to_thread(grant_runtime, owner, "guerdon_runtime")
        yield postgres_url
    finally:
        for name in DATABASES:
            await admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        for name in ROLES:
            await admin.execute(f"DROP ROLE IF EXISTS {name}")
        await admin.close()


def _run_script(url: str) -> None:
    passwords = {
        f"{name}_PASSWORD": f"pw{role}"
        for name, role in zip(("OWNER", "RUNTIME", "TEMPORAL"), ROLES, strict=True)
    }
    asked = [postgres_program("psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", str(SQL), url]
    done = subprocess.run(
        asked, env=os.environ | passwords, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


async def test_guerdon_works_as_the_lesser_role(server: str) -> None:
    database = Database(_url(server, "guerdon_runtime"), pool=2)
    try:
        await add_grant(database, credits(500))
        jane = await add_customer(database, name="Jane")
        async with database.transaction() as tx:
            await create_key(tx, Role.ADMIN)
            await erase(tx, jane)
        for chain in (LEDGER, EVENTS):
            assert await seal_next(database, chain=chain)
            assert (await verify(database, chain)).broken is None
    finally:
        await database.dispose()


@pytest.mark.parametrize("table", APPEND_ONLY)
async def test_the_runtime_role_cannot_change_events_or_ledger_entries(
    server: str, table: str
) -> None:
    connection = await asyncpg.connect(_url(server, "guerdon_runtime"))
    try:
        for statement in (
            f"DELETE FROM {table}",
            f"TRUNCATE {table}",
            f"ALTER TABLE {table} DISABLE TRIGGER ALL",
            f"DROP TABLE {table}",
            "SET session_replication_role = replica",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    finally:
        await connection.close()


@pytest.mark.parametrize(
    ("role", "database"),
    [("guerdon_runtime", "temporal"), ("guerdon_owner", "temporal"), ("temporal", GUERDON)],
)
async def test_each_reaches_its_own_databases_only(server: str, role: str, database: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(_url(server, role, database))


async def test_temporal_owns_its_databases(server: str) -> None:
    for database in ("temporal", "temporal_visibility"):
        connection = await asyncpg.connect(_url(server, "temporal", database))
        await connection.execute("CREATE TABLE schema_version (version int)")
        await connection.close()
