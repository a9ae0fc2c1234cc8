"""The embedded PostgreSQL: the version, its durability, and a start that was cut short."""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from cli.stack.postgres import create_cluster, temporary


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with temporary() as url:
        yield url


@pytest.fixture
async def connection(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url)
    yield connection
    await connection.close()


async def test_the_embedded_postgresql_is_version_18(connection: asyncpg.Connection) -> None:
    assert connection.get_server_version().major == 18


@pytest.mark.parametrize("setting", ["fsync", "synchronous_commit", "full_page_writes"])
async def test_commits_are_durable(connection: asyncpg.Connection, setting: str) -> None:
    assert await connection.fetchval(f"SHOW {setting}") == "on"


async def test_its_log_quotes_no_row(connection: asyncpg.Connection) -> None:
    """A row that breaks a constraint can be a person's."""
    await connection.execute("CREATE TABLE people (email text UNIQUE, known bool CHECK (known))")
    add = "INSERT INTO people VALUES ('zyxqvut' || '@example.com', $1)"
    with pytest.raises(asyncpg.CheckViolationError):
        await connection.execute(add, False)
    await connection.execute(add, True)
    with pytest.raises(asyncpg.UniqueViolationError):
        await connection.execute(add, True)
    data = Path(await connection.fetchval("SHOW data_directory"))
    log = data.with_name("postgres.log").read_text()
    assert log.count("violates") == 2
    assert "zyxqvut@" not in log


async def test_a_wrong_password_is_refused(url: str) -> None:
    password = urlsplit(url).password or ""
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(url.replace(password, "wrong"))


def test_a_cluster_half_made_is_made_again(tmp_path: Path) -> None:
    unfinished = tmp_path / "postgres.new"
    unfinished.mkdir()
    (unfinished / "PG_VERSION").write_text("18\n")
    create_cluster(tmp_path / "postgres", "password")
    assert (tmp_path / "postgres" / "global" / "pg_control").exists()
    assert not unfinished.exists()
    assert not list(tmp_path.glob("password*"))
    shutil.rmtree(tmp_path / "postgres")


def test_a_cluster_that_exists_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    create_cluster(tmp_path / "postgres", "password")
    assert not list((tmp_path / "postgres").iterdir())
