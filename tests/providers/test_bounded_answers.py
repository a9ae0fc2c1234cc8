"""A provider's answer, however long it is, or becomes when it is unpacked."""

from __future__ import annotations

import gzip
import json
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from providers import http
from providers.http import exchange
from providers.outcomes import NotSent, OutcomeUnknown, ProviderError
from providers.reading import document, reading

BODY = json.dumps({"id": "A-1", "words": "ja " * 1000}).encode()


async def answered(
    content: bytes, encoding: str = "", *, creates: bool = True
) -> tuple[httpx.Response, httpx.Request]:
    """What becomes of this answer; and the request as it was sent."""
    sent: list[httpx.Request] = []

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(content), 65_536):
            yield content[start : start + 65_536]

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        headers = {"Content-Encoding": encoding} if encoding else {}
        return httpx.Response(200, headers=headers | {"X-Seen": "yes"}, content=pieces())

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        request = client.build_request("POST", "http://provider.test/orders")
        return await exchange(client, request, within=5, creates=creates), sent[0]


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (BODY, ""),
        (BODY, "identity"),
        (gzip.compress(BODY), "gzip"),
        (gzip.compress(BODY), "GZIP"),
        (zlib.compress(BODY), "deflate"),
    ],
    # Packed bytes hold the second of their packing: as names they differ between processes.
    ids=["plain", "identity", "gzip", "in capitals", "deflate"],
)
async def test_is_read_as_it_was_sent(content: bytes, encoding: str) -> None:
    response, request = await answered(content, encoding)
    assert response.content == BODY
    assert document(response)["id"] == "A-1"
    assert (response.status_code, response.headers["x-seen"]) == (200, "yes")
    assert request.headers["accept-encoding"] == "gzip"


# Made when they are asked for: packing takes seconds, and each process collects all tests.
UNREADABLE: dict[str, Callable[[], tuple[bytes, str]]] = {
    "long": lambda: (b"0" * (http.LARGEST + 1), ""),
    "packed": lambda: (gzip.compress(b"0" * 400_000_000, 9), "gzip"),
    "packed with zlib": lambda: (zlib.compress(b"0" * 400_000_000, 9), "deflate"),
    "cut short": lambda: (gzip.compress(BODY)[:-20], "gzip"),
    "not packed at all": lambda: (BODY, "gzip"),
    "in an encoding that was not asked for": lambda: (BODY, "br"),
}


@pytest.mark.parametrize("which", UNREADABLE)
@pytest.mark.parametrize(("creates", "lost"), [(True, OutcomeUnknown), (False, NotSent)])
async def test_that_cannot_be_read_leaves_it_open_whether_there_is_an_order(
    which: str, creates: bool, lost: type[ProviderError]
) -> None:
    content, encoding = UNREADABLE[which]()
    tracemalloc.start()
    try:
        with pytest.raises(lost):
            await answered(content, encoding, creates=creates)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * http.LARGEST


async def test_nested_by_the_thousand_is_unreadable_too() -> None:
    response, _ = await answered(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}")
    with pytest.raises(OutcomeUnknown), reading("an order", lost=OutcomeUnknown):
        document(response)


@pytest.mark.parametrize("error", [RuntimeError("odd"), ValueError("odd"), KeyError("odd")])
async def test_any_failure_of_a_call_leaves_it_open(error: Exception) -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise error

    async with httpx.AsyncClient(transport=httpx.MockTransport(fail)) as client:
        request = client.build_request("POST", "http://provider.test/orders")
        with pytest.raises(OutcomeUnknown):
            await exchange(client, request, within=5, creates=True)


async def test_a_host_that_cannot_exist_got_nothing() -> None:
    async with httpx.AsyncClient() as client:
        request = client.build_request("POST", "http://a..b/orders")
        with pytest.raises(NotSent):
            await exchange(client, request, within=5, creates=True)
