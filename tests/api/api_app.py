"""Running the application in a test, and calling it."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI
from sqlalchemy import func, select

from api.settings import ApiSettings
from domain.roles import Role
from store.access.api_keys import create_key
from store.database import Database
from store.settings import StoreSettings
from store.tables import metadata
from tests.applications import application


def described(database_url: str = "postgresql://nobody@127.0.0.1:1/none") -> FastAPI:
    """The application, not opened: nothing is asked of the database."""
    key = base64.b64encode(b"0" * 32).decode()
    store = StoreSettings.model_validate(
        {"database_url": database_url, "encryption_keys": f"k1:{key}"}
    )
    settings = ApiSettings.model_validate({"public_url": "http://guerdon.test"})
    return application(settings, store)


@asynccontextmanager
async def running(database_url: str) -> AsyncIterator[FastAPI]:
    """The application with its resources open."""
    app = described(database_url)
    async with app.router.lifespan_context(app):
        yield app


def client_of(app: FastAPI, headers: dict[str, str] | None = None) -> httpx.AsyncClient:
    """An HTTP client of the application."""
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app),
        base_url="http://guerdon.test",
        headers=headers,
    )


async def headers_for(database: Database, role: Role) -> dict[str, str]:
    """New credentials of this role."""
    async with database.transaction() as tx:
        app_id, token = await create_key(tx, role)
    return {"X-App-Id": app_id, "X-App-Token": token}


async def rows_of(database: Database) -> dict[str, int]:
    """How many rows each table has, besides stored answers and counters, which follow from others'
    rows (`tests/store/counts`)."""
    derived = {"idempotent_answers", "count_changes", "daily_counts"}
    derived |= {"referrer_counts", "referrer_daily_counts"}
    tables = {name: table for name, table in metadata.tables.items() if name not in derived}
    counts = [
        select(func.count()).select_from(table).scalar_subquery() for table in tables.values()
    ]
    async with database.reading() as session:
        row = (await session.execute(select(*counts))).one()
    return dict(zip(tables, row, strict=True))
