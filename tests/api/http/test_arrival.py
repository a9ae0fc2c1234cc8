"""Bodies on their way in: only its sender waits for a slow one, and a huge one stops nobody."""

from __future__ import annotations

import asyncio
import gc
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from api.http import arrival, body
from domain.refusals import InvalidPayload
from domain.roles import Role
from store.database import Database
from tests.api.api_app import client_of, headers_for
from tests.api.api_bodies import made, refused

_MULTIPART = {"Content-Type": "multipart/form-data; boundary=b"}
_PART = b'--b\r\nContent-Disposition: form-data; name="file"; filename="f.csv"\r\n\r\nSource_id\r\n'
UPLOADS = {
    "/v1/customers/importCSV": _MULTIPART,
    "/v1/campaigns/camp_x/importCSV": _MULTIPART,
    "/v1/customers/bulk/async": {"Content-Type": "application/json"},
    "/v1/events": {"Content-Type": "application/json"},
}
STATEMENT = (
    "/v1/reconciliations/statements?provider=giftcard-partners"
    "&from=2026-10-01T00:00:00Z&to=2026-11-01T00:00:00Z"
)


class Slow:
    """A body that begins and then does not go on. `asked`: how often something was taken of it."""

    def __init__(self, begins: bytes = b"[{}") -> None:
        self.asked = 0
        self._begins = begins

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self.asked += 1
        yield self._begins
        await asyncio.Event().wait()


@asynccontextmanager
async def uploading(client: httpx.AsyncClient, count: int) -> AsyncIterator[list[Slow]]:
    """So many uploads that stand still, spread over every way to send one."""
    bodies = [Slow(_PART) for _ in range(count)]
    ways = [*UPLOADS.items(), (STATEMENT, _MULTIPART), (STATEMENT, {"Content-Type": "text/csv"})]
    tasks = []
    for number, one in enumerate(bodies):
        path, headers = ways[number % len(ways)]
        tasks.append(asyncio.create_task(client.post(path, content=one, headers=headers)))
    async with asyncio.timeout(60):
        while not all(one.asked for one in bodies):
            await asyncio.sleep(0.01)
    yield bodies
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


class TestSlowBodies:
    async def test_hold_no_turn(self, app: FastAPI, database: Database) -> None:
        headers = await headers_for(database, Role.ADMIN)
        async with client_of(app, headers) as client, uploading(client, 48), asyncio.timeout(25):
            event = {"event": "e", "customer": {"source_id": "jane"}}
            await made(client.post("/v1/events", json=event))
            files = {"file": ("people.csv", b"Source_id\njane\n", "text/csv")}
            await made(client.post("/v1/customers/importCSV", files=files), 202)

    @pytest.mark.parametrize(("path", "headers"), [*UPLOADS.items(), (STATEMENT, _MULTIPART)])
    async def test_are_given_up(
        self,
        admin: httpx.AsyncClient,
        path: str,
        headers: dict[str, str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(arrival, "PATIENCE", 0.2)
        async with asyncio.timeout(60):
            answer = await admin.post(path, content=Slow(_PART), headers=headers)
        refused(answer, 400, "invalid_payload")
        assert "did not arrive in time" in answer.json()["detail"]

    async def test_that_trickle_gain_no_time(
        self, service: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(arrival, "PATIENCE", 0.5)

        async def trickle() -> AsyncIterator[bytes]:
            while True:
                yield b" "
                await asyncio.sleep(0.01)

        async with asyncio.timeout(60):
            answer = await service.post("/v1/events", content=trickle())
        refused(answer, 400, "invalid_payload")

    async def test_that_keep_coming_have_the_time_they_need(
        self, service: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(arrival, "PATIENCE", 0.5)

        async def steady() -> AsyncIterator[bytes]:
            for _ in range(12):
                yield b" " * 4000
                await asyncio.sleep(0.1)
            yield b'{"event": "e", "customer": {"source_id": "jane"}}'

        json_body = {"Content-Type": "application/json"}
        await made(service.post("/v1/events", content=steady(), headers=json_body))


class TestRole:
    @pytest.mark.parametrize(("path", "headers"), UPLOADS.items())
    async def test_refuses_before_the_body_is_read(
        self, finance: httpx.AsyncClient, path: str, headers: dict[str, str]
    ) -> None:
        endless = Slow(_PART)
        async with asyncio.timeout(60):
            refused(await finance.post(path, content=endless, headers=headers), 403, "forbidden")
        assert endless.asked == 0

    async def test_refuses_a_statement_before_it_is_read(self, service: httpx.AsyncClient) -> None:
        endless = Slow()
        async with asyncio.timeout(60):
            answer = await service.post(
                STATEMENT, content=endless, headers={"Content-Type": "text/csv"}
            )
        refused(answer, 403, "forbidden")
        assert endless.asked == 0


def _rows(count: int, row: bytes = b"{}") -> bytes:
    return b"[" + b",".join([row] * count) + b"]"


async def _longest_pause(task: asyncio.Task[Any]) -> float:
    """The longest time that the loop did not go on while the task ran: seconds of this process's
    own work, whatever else the machine does."""
    longest, last = 0.0, time.process_time()
    while not task.done():
        await asyncio.sleep(0.001)
        now = time.process_time()
        longest, last = max(longest, now - last), now
    return longest


# Made when they are asked for: each process collects all tests.
HUGE: dict[str, tuple[str, Callable[[], bytes]]] = {
    "ten megabytes of {}": ("/v1/customers/bulk/async", lambda: _rows(3_300_000)),
    "ten megabytes of source ids": (
        "/v1/customers/metadata/async",
        lambda: b'{"metadata":{},"source_ids":' + _rows(2_400_000, b'"a"') + b"}",
    ),
    "100,000 source ids of the wrong kind": (
        "/v1/customers/metadata/async",
        lambda: b'{"metadata":{},"source_ids":' + _rows(100_000, b"{}") + b"}",
    ),
    "100,000 rows in the place of one": (
        "/v1/customers/metadata/async",
        lambda: _rows(100_000, b'{"source_id":"u","plan":1}'),
    ),
    "19,000 tiers of the wrong kind": (
        "/v1/campaigns",
        lambda: b'{"referral_program":{"tiers":' + _rows(19_000, b"1") + b"}}",
    ),
    "one row of nothing but lists": (
        "/v1/customers/bulk/async",
        lambda: b'[{"a":' + _rows(3_000_000) + b"}]",
    ),
    "one row as long as the body": (
        "/v1/customers/bulk/async",
        lambda: b"[{" + b",".join(b'"%d":1' % number for number in range(900_000)) + b"}]",
    ),
    "an object of very many members": (
        "/v1/customers/bulk/async",
        lambda: b"{" + b",".join(b'"%d":1' % number for number in range(900_000)) + b"}",
    ),
    "more rows than there may be": ("/v1/customers/bulk/async", lambda: _rows(100_001)),
    "a megabyte of {}": (
        "/v1/campaigns",
        lambda: b'{"referral_program":{"tiers":' + _rows(330_000) + b"}}",
    ),
    "a megabyte of numbers": ("/v1/events", lambda: b'{"event":' + _rows(490_000, b"1") + b"}"),
    "unfinished": ("/v1/customers/bulk/async", lambda: _rows(50_000)[:-1]),
    "no object": ("/v1/customers/bulk/async", lambda: b"[{},7]"),
    "no list": ("/v1/customers/bulk/async", lambda: b"{}"),
    "an empty list": ("/v1/customers/bulk/async", lambda: b"[ ]"),
    "two lists": ("/v1/customers/bulk/async", lambda: b"[{}] [{}]"),
}


@pytest.fixture
def frozen() -> Iterator[None]:
    """What is loaded is kept from the garbage collector, as the API's process does."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("frozen")
class TestHugeBodies:
    @pytest.mark.parametrize("which", HUGE)
    async def test_are_refused_while_the_loop_goes_on(
        self, service: httpx.AsyncClient, which: str
    ) -> None:
        path, make = HUGE[which]
        content = make()
        headers = {"Content-Type": "application/json"}
        await service.post(
            path, content=b"?", headers=headers
        )  # a route is made ready at first use
        asked = asyncio.create_task(service.post(path, content=content, headers=headers))
        pause = await _longest_pause(asked)
        refused(await asked, 400, "invalid_payload")
        assert pause < 0.2

    @pytest.mark.parametrize(
        "content",
        [
            b"Source_id\n" + b"a\n" * 100_001,
            b"Source_id" + b"," * 9_000_000,
            b"Source_id" + b"," * 1_900_000,
            b"a\n" * 4_900_000,
        ],
        ids=["too many rows", "too many columns", "one long line", "five million rows"],
    )
    async def test_files_are_refused_while_the_loop_goes_on(
        self, service: httpx.AsyncClient, content: bytes
    ) -> None:
        files = {"file": ("people.csv", content, "text/csv")}
        await service.post("/v1/customers/importCSV", files={"file": ("none.csv", b"")})
        asked = asyncio.create_task(service.post("/v1/customers/importCSV", files=files))
        pause = await _longest_pause(asked)
        refused(await asked, 400, "invalid_payload")
        assert pause < 0.2

    async def test_ten_megabytes_of_people_are_accepted_while_the_loop_goes_on(
        self, service: httpx.AsyncClient
    ) -> None:
        row = {"source_id": "user-123456", "name": "N" * 40, "metadata": {"plan": "pro"}}
        content = _rows(90_000, json.dumps(row).encode())
        headers = {"Content-Type": "application/json"}
        await service.post("/v1/customers/bulk/async", content=_rows(1), headers=headers)
        asked = asyncio.create_task(
            service.post("/v1/customers/bulk/async", content=content, headers=headers)
        )
        pause = await _longest_pause(asked)
        assert (await asked).status_code == 202
        assert pause < 0.2


class TestRowByRow:
    @pytest.mark.parametrize(
        "text",
        [
            "[]",
            " [ ] ",
            "[1]",
            '[ {"a": [1, 2]} , "x" ,null]',
            "[[[]],{}]",
            '["a,]"]',
            "{}",
            '{"a": 1}',
            ' { "a" : [1, {"b": []}] , "c":{"d":2}, "e": "x" } ',
            '"x"',
            '{"a":[]}',
            "[" + ", ".join(['{"a": "' + "x" * 200000 + '"}'] * 9) + "]",
        ],
        ids=range(12),
    )
    def test_reads_what_the_whole_would_be(self, text: str) -> None:
        assert body.parse_rows(text.encode()) == json.loads(text)

    @pytest.mark.parametrize(
        "text",
        [
            "[",
            "[1",
            "[1,",
            "[1,]",
            "[,]",
            "[1 2]",
            "[1]]",
            "[1]x",
            "]",
            "{",
            '{"a"}',
            '{"a":}',
            '{"a":1,}',
            "{1:2}",
            '{"a":[}',
            '{"a":1}}',
            '{"a":[1] 2}',
            "{,}",
            '["' + "x" * 300000 + '"]',
            "[" + "1" * 600000 + "]",
        ],
        ids=range(20),
    )
    def test_refuses_what_is_no_json(self, text: str) -> None:
        with pytest.raises(InvalidPayload):
            body.parse_rows(text.encode())
