"""Long answers: a client that takes its time holds nothing that others need."""

from __future__ import annotations

import asyncio
import csv
import io
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text
from starlette.types import Message

from api.http.downloads import OpenDownloads, Writing, in_chunks, spooled
from domain.refusals import Unavailable
from domain.roles import Role
from store.database import Database, ReadSession
from tests.api.api_app import client_of, headers_for
from tests.api.api_bodies import made
from tests.api.orders.test_orders import add_order
from tests.builders import add_grant

ROWS = 1200
_COPIES = """
INSERT INTO {table}
SELECT (jsonb_populate_record(one, {changes})).*
FROM {table} one, generate_series(2, :rows) n WHERE one.{id} = :of"""
_ORDER = (
    "jsonb_build_object('id', one.id || n, 'key', one.key || n, 'hook_token', n, 'generation', n)"
)


class Stalled:
    """A client that takes the first pieces of an answer, and then no more."""

    def __init__(self, app: FastAPI, path: str, headers: dict[str, str], *, takes: int = 2) -> None:
        self.status = 0
        self._asked = False
        self.stalls = asyncio.Event()
        self._app, self._takes = app, takes
        path, _, query = path.partition("?")
        self._scope = {
            "type": "http",
            "method": "GET",
            "path": path,
            "query_string": query.encode(),
            "asgi": {"spec_version": "2.3"},
            "scheme": "http",
            "server": ("guerdon.test", 80),
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        }

    async def read(self) -> None:
        await self._app(self._scope, self._receive, self._send)

    async def _receive(self) -> Message:
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await asyncio.Event().wait()
        raise AssertionError

    async def _send(self, message: Message) -> None:
        self.status = message.get("status", self.status)
        if message["type"] == "http.response.body":
            self._takes -= 1
            if not self._takes or not message.get("more_body"):
                self.stalls.set()
                await asyncio.Event().wait()


@asynccontextmanager
async def stalled(
    app: FastAPI, count: int, path: str, headers: dict[str, str]
) -> AsyncIterator[list[Stalled]]:
    """So many of them for the block."""
    clients = [Stalled(app, path, headers) for _ in range(count)]
    tasks = [asyncio.create_task(client.read()) for client in clients]
    async with asyncio.timeout(60):
        for client in clients:
            await client.stalls.wait()
    yield clients
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _fill(database: Database) -> None:
    order = await add_order(database, await add_grant(database))
    async with database.transaction() as tx:
        copies = _COPIES.format(table="orders", changes=_ORDER, id="id")
        await tx.session.execute(text(copies), {"rows": ROWS, "of": order.id})


async def _export(client: httpx.AsyncClient) -> str:
    created = await made(client.post("/v1/exports", json={"exported_object": "customer"}))
    done = await made(client.get(f"/v1/exports/{created['id']}"))
    return str(done["result"]["url"]).removeprefix("http://guerdon.test")


class TestStalledReaders:
    @pytest.mark.parametrize(
        "path",
        [
            "/v1/gift-card-orders",
            "/v1/ledger/transactions",
            "/v1/reports/promises",
            "/v1/reports/budgets",
            "export",
        ],
    )
    async def test_hold_nothing_that_others_need(
        self, app: FastAPI, database: Database, path: str
    ) -> None:
        await _fill(database)
        headers = await headers_for(database, Role.ADMIN) | {"Accept": "text/csv"}
        async with client_of(app, headers) as client:
            path = await _export(client) if path == "export" else path
            async with stalled(app, 40, path, headers) as clients, asyncio.timeout(40):
                assert {one.status for one in clients} == {200}
                event = {"event": "e", "customer": {"source_id": "jane"}}
                for _ in range(3):
                    await made(client.post("/v1/events", json=event))
                for other in ("/v1/gift-card-orders", "/v1/reports/orders", await _export(client)):
                    period = "?from=2026-01-01T00:00:00Z&to=2030-01-01T00:00:00Z"
                    asked = other + (period if "reports" in other else "")
                    assert (await client.get(asked)).status_code == 200


class TestLists:
    async def test_a_list_in_chunks_is_whole_and_in_order(
        self, finance: httpx.AsyncClient, database: Database
    ) -> None:
        await _fill(database)
        answer = await finance.get("/v1/gift-card-orders", headers={"Accept": "text/csv"})
        ids = [row["id"] for row in csv.DictReader(io.StringIO(answer.text))]
        assert len(set(ids)) == ROWS
        assert ids == sorted(ids)

    async def test_no_connection_is_held_between_chunks(self, database: Database) -> None:
        async def read(session: ReadSession, last: int | None) -> list[int]:
            rows = await session.scalars(text("SELECT generate_series(1, 3)"))
            return list(rows) if last is None else []

        seen: list[bytes] = []
        async for block in in_chunks(database, read, lambda rows: f"{rows}"):
            assert database.in_use == 0
            seen.append(block)
        assert seen == [b"[]", b"[1, 2, 3]"]


async def _share_of_the_time(downloads: int) -> float:
    """How much of the time chunks were made in, when so many downloads wanted two each."""
    writing, worked = Writing(), 0.0

    async def download() -> None:
        nonlocal worked
        for _ in range(2):
            async with writing.turn():
                began = time.perf_counter()
                await asyncio.sleep(0.01)
                worked += time.perf_counter() - began

    began = time.perf_counter()
    await asyncio.gather(*(download() for _ in range(downloads)))
    return worked / (time.perf_counter() - began)


async def test_many_downloads_leave_more_of_the_time_to_others_than_one() -> None:
    assert await _share_of_the_time(20) < 0.25
    assert await _share_of_the_time(1) > 0.3


class TestSpool:
    async def test_the_source_ends_whatever_the_reader_does(self) -> None:
        ended = asyncio.Event()

        async def source() -> AsyncIterator[bytes]:
            for number in range(100):
                yield bytes([number]) * 10_000
            ended.set()

        reading = spooled(source())
        first = await anext(reading)
        async with asyncio.timeout(60):
            await ended.wait()
        rest = b"".join([block async for block in reading])
        assert first + rest == b"".join(bytes([number]) * 10_000 for number in range(100))

    async def test_a_source_that_fails_fails_the_reader(self) -> None:
        async def source() -> AsyncIterator[bytes]:
            yield b"some"
            raise ValueError("no more")

        with pytest.raises(ValueError, match="no more"):
            assert [block async for block in spooled(source())] == []

    async def test_a_reader_that_leaves_ends_the_source(self) -> None:
        closed = asyncio.Event()

        async def source() -> AsyncIterator[bytes]:
            try:
                yield b"some"
                await asyncio.Event().wait()
            finally:
                closed.set()

        reading = spooled(source())
        assert await anext(reading) == b"some"
        await reading.aclose()
        async with asyncio.timeout(60):
            await closed.wait()


class TestCount:
    def test_one_key_cannot_take_all(self) -> None:
        downloads = OpenDownloads(most=3, of_one_key=2)
        with downloads.one("a"), downloads.one("a"):
            with pytest.raises(Unavailable), downloads.one("a"):
                pass
            with downloads.one("b"), pytest.raises(Unavailable), downloads.one("c"):
                pass
        with downloads.one("a"):
            pass
