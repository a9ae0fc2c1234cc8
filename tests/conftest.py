"""Real parts for every test: one PostgreSQL and one Temporal server a session, and for each test
a database of its own, cloned from one that the real migrations made."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import count
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy.engine import make_url
from temporalio.testing import TimeSkippingConfig, WorkflowEnvironment

from cli.stack import postgres
from cli.stack import temporal as temporal_server
from store import database as database_module
from store import migrate
from store.database import Database
from store.outbox.messages import SEARCH_ATTRIBUTES
from store.temporal.client import guerdon_plugin
from tests.compiled_once import share_compiled_statements
from tests.databases import TEMPLATE, cloned, renamed
from tests.in_memory import keep_files_in_memory
from tests.keeping import keep
from tests.said.gathering import gather_histories, gather_server_log
from tests.said.listening import listen
from tests.said.session import Discretion

__all__ = ["keep"]

# The server is thrown away with the session, so no disk need be waited for.
_CARELESS = ("fsync", "full_page_writes", "synchronous_commit")
# Each test connects half a dozen times, and each time both sides would hash the password 4,096
# times.
_QUICK_LOGIN = "SET scram_iterations = 1", f"ALTER ROLE {postgres.USER} PASSWORD '{{}}'"
_numbers = count(1)
# At once: other conftests are imported before pytest is configured, and make vaults.
listen()
keep_files_in_memory()
share_compiled_statements()
# A machine under load may take longer than a server that is there ever does.
database_module.CONNECT_TIMEOUT = 60.0


_SLOWEST = (
    "failure",
    "proofs",
    "sdk",
    "reconciliation",
    "conformance",
    "peers",
    "cli",
    "docs",
    "workflows",
    "upgrade",
    "activities",
)
"""Folders of tests, those whose files take longest first. They run in this order."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the slowest rooms: whoever ends last then has only a short file left."""
    place = {room: at for at, room in enumerate(_SLOWEST)}
    rooms = Path(__file__).parent

    def turn(item: pytest.Item) -> int:
        return place.get(item.path.relative_to(rooms).parts[0], len(place))

    items.sort(key=turn)


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Discretion(config))


async def _admin(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server of this session, with a migrated template to clone."""
    with postgres.temporary() as url:
        careless = [f"ALTER SYSTEM SET {name} = off" for name in _CARELESS]
        login = [each.format(make_url(url).password) for each in _QUICK_LOGIN]
        made = f"CREATE DATABASE {TEMPLATE}"
        asyncio.run(_admin(url, *careless, "SELECT pg_reload_conf()", *login, made))
        migrate.upgrade(renamed(url, TEMPLATE))
        yield url
        asyncio.run(gather_server_log(url))


@pytest_asyncio.fixture
async def database_url(postgres_url: str) -> AsyncIterator[str]:
    """An empty, migrated database for one test."""
    async with cloned(postgres_url, f"test_{next(_numbers)}") as url:
        yield url


@pytest_asyncio.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The same, opened."""
    opened = Database(database_url)
    yield opened
    await opened.dispose()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def temporal() -> AsyncIterator[WorkflowEnvironment]:
    """A real Temporal server; each workflow's clock can be moved forward on its own, with
    `temporal.fast_forward(handle, timedelta)`."""
    async with await WorkflowEnvironment.start_time_skipping_v2(
        ts_config=TimeSkippingConfig(enabled=False),
        dev_server_existing_path=str(temporal_server.binary()),
        dev_server_extra_args=[
            "--dynamic-config-value",
            "frontend.WorkflowTimeSkippingEnabled=true",
            *(f"--search-attribute={key.name}=Keyword" for key in SEARCH_ATTRIBUTES),
        ],
        plugins=[guerdon_plugin],
    ) as environment:
        yield environment
        await gather_histories(environment.client)


@pytest.fixture
def figure(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Say what a test measured: `make test` prints all figures before its count."""
    return lambda words: request.node.user_properties.append(("figure", words))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    figures = [
        f"{report.nodeid.split('::')[-1]}: {value}"
        for report in reports
        for name, value in report.user_properties
        if name == "figure" and report.when == "call"
    ]
    if figures:
        terminalreporter.section("figures")
        for words in figures:
            terminalreporter.write_line(words)
