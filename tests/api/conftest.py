"""The API over HTTP on a real database. Temporal is away, except where a test asks for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import NamedTuple

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from temporalio.testing import WorkflowEnvironment

from domain.roles import Role
from store.database import Database
from tests.api.api_app import client_of, headers_for, rows_of, running
from tests.databases import cloned


@pytest_asyncio.fixture
async def app(database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FastAPI]:
    """The application while Temporal is away."""
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    async with running(database_url) as app:
        yield app


@pytest_asyncio.fixture
async def app_with_temporal(
    database_url: str, temporal: WorkflowEnvironment, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[FastAPI]:
    """The application beside a real Temporal server."""
    address = temporal.client.service_client.config.target_host
    monkeypatch.setenv("TEMPORAL_ADDRESS", address)
    async with running(database_url) as app:
        yield app


@pytest_asyncio.fixture
async def anonymous(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app) as client:
        yield client


@pytest_asyncio.fixture
async def service(app: FastAPI, database: Database) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app, await headers_for(database, Role.SERVICE)) as client:
        yield client


@pytest_asyncio.fixture
async def support(app: FastAPI, database: Database) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app, await headers_for(database, Role.SUPPORT)) as client:
        yield client


@pytest_asyncio.fixture
async def finance(app: FastAPI, database: Database) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app, await headers_for(database, Role.FINANCE)) as client:
        yield client


@pytest_asyncio.fixture
async def admin(app: FastAPI, database: Database) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app, await headers_for(database, Role.ADMIN)) as client:
        yield client


@pytest.fixture
def count_rows(database: Database) -> Callable[[], Awaitable[dict[str, int]]]:
    """How many rows each table has, besides what follows from others' (`rows_of`)."""
    return lambda: rows_of(database)


class Module(NamedTuple):
    """What the tests of a module share that change nothing."""

    client: httpx.AsyncClient
    database: Database


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def module_api(postgres_url: str, request: pytest.FixtureRequest) -> AsyncIterator[Module]:
    """The application on a database that the whole module shares, called by a service."""
    async with cloned(
        postgres_url, f"{request.module.__name__.replace('.', '_')[-50:]}_unchanged"
    ) as url:
        database = Database(url)
        with pytest.MonkeyPatch.context() as patched:
            patched.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
            headers = await headers_for(database, Role.SERVICE)
            async with running(url) as app, client_of(app, headers) as client:
                yield Module(client, database)
        await database.dispose()


@pytest_asyncio.fixture
async def unchanged(module_api: Module) -> AsyncIterator[httpx.AsyncClient]:
    """A client for requests that must leave nothing behind, which is checked afterwards."""
    before = await rows_of(module_api.database)
    yield module_api.client
    assert await rows_of(module_api.database) == before
