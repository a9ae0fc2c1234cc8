"""The API over HTTP on a real database. Temporal is away, except where a test asks for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest
import pytest_asyncio
from api_app import client_of, headers_for, running
from fastapi import FastAPI
from sqlalchemy import func, select
from temporalio.testing import WorkflowEnvironment

from domain.roles import Role
from store.database import Database
from store.tables import metadata


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
    """How many rows each table has, besides the stored answers of the API itself."""

    async def count() -> dict[str, int]:
        async with database.reading() as session:
            return {
                name: await session.scalar(select(func.count()).select_from(table)) or 0
                for name, table in metadata.tables.items()
                if name != "idempotent_answers"
            }

    return count
