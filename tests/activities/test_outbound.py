"""The client for configured addresses: where it connects, and what it tells."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from activities.outbound import NoAnswer, Outbound, TargetRefused

HEADERS = {"Content-Type": "application/json", "webhook-id": "gr_1"}


@asynccontextmanager
async def serving(answer: bytes) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server that says `answer`; gives its port and what it heard."""
    heard: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer)
        await writer.drain()
        if not answer:
            await reader.read()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1")
    async with server:
        yield server.sockets[0].getsockname()[1], heard


def outbound(*, allow_private: bool, seconds: float = 5) -> Outbound:
    return Outbound(allow_private=allow_private, within=timedelta(seconds=seconds))


async def test_posts_what_it_is_given() -> None:
    async with serving(b"HTTP/1.1 202 Taken\r\nContent-Length: 0\r\n\r\n") as (port, heard):
        client = outbound(allow_private=True)
        assert await client.post(f"http://127.0.0.1:{port}/a?b=c", b"{}", HEADERS) == 202
    head = heard[0].decode().lower()
    assert head.startswith("post /a?b=c http/1.1\r\n")
    assert f"host: 127.0.0.1:{port}\r\n" in head
    assert "webhook-id: gr_1\r\n" in head
    assert "content-length: 2\r\n" in head


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "0x7f000001", "2130706433"])
async def test_private_addresses_get_nothing(host: str) -> None:
    async with serving(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") as (port, heard):
        with pytest.raises(TargetRefused):
            await outbound(allow_private=False).post(f"http://{host}:{port}/", b"{}", HEADERS)
    assert heard == []


async def test_a_name_that_leads_inside_is_refused_at_the_address_it_leads_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """DNS rebinding: whatever the name said when it was configured, the answer that the
    connection would go to is what is judged; one private answer among public ones is enough."""

    async def answers(*_: Any, **__: Any) -> list[Any]:
        kind = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        return [(*kind, ("8.8.8.8", 80)), (*kind, ("169.254.169.254", 80))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", answers)
    with pytest.raises(TargetRefused):
        await outbound(allow_private=False).post("http://rewards.example/", b"{}", HEADERS)


async def test_a_redirect_is_returned_and_not_followed() -> None:
    answer = b"HTTP/1.1 307 Moved\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    async with serving(answer) as (port, heard):
        client = outbound(allow_private=True)
        assert await client.post(f"http://127.0.0.1:{port}/", b"{}", HEADERS) == 307
    assert len(heard) == 1


async def test_a_time_out_counts_as_no_answer() -> None:
    client = outbound(allow_private=True, seconds=0.2)
    async with serving(b"") as (port, _):
        with pytest.raises(NoAnswer, match="within"):
            await client.post(f"http://127.0.0.1:{port}/", b"{}", HEADERS)


@pytest.mark.parametrize("answer", [b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Le"])
async def test_a_broken_answer_is_none(answer: bytes) -> None:
    client = outbound(allow_private=True)
    async with serving(answer) as (port, _):
        with pytest.raises(NoAnswer):
            await client.post(f"http://127.0.0.1:{port}/", b"{}", HEADERS)


async def test_nobody_there_is_no_answer() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        with pytest.raises(NoAnswer):
            await outbound(allow_private=True).post(f"http://127.0.0.1:{port}/", b"{}", HEADERS)


async def test_an_unknown_name_is_no_answer() -> None:
    with pytest.raises(NoAnswer):
        await outbound(allow_private=False).post("http://nowhere.invalid/", b"{}", HEADERS)


@pytest.mark.parametrize("host", ["a..b", f"{'a' * 64}.test", ".".join(["a" * 60] * 5)])
async def test_a_name_that_cannot_exist_is_refused(host: str) -> None:
    with pytest.raises(TargetRefused, match="cannot exist"):
        await outbound(allow_private=True).post(f"http://{host}/", b"{}", HEADERS)


async def test_whatever_fails_counts_as_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: Any, **__: Any) -> Any:
        raise RuntimeError("a bug, or a library's")

    monkeypatch.setattr(asyncio.get_running_loop().__class__, "getaddrinfo", fail)
    with pytest.raises(NoAnswer, match="RuntimeError"):
        await outbound(allow_private=True).post("http://acme.test/", b"{}", HEADERS)


async def test_only_the_status_of_an_endless_answer_is_read() -> None:
    taken = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal taken
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n")
        try:
            while True:
                writer.write(b"0" * 65_536)
                await writer.drain()
                taken += 65_536
        except ConnectionError:
            ended.set()

    ended = asyncio.Event()
    server = await asyncio.start_server(talk, "127.0.0.1")
    async with server:
        port = server.sockets[0].getsockname()[1]
        client = outbound(allow_private=True)
        assert await client.post(f"http://127.0.0.1:{port}/", b"{}", HEADERS) == 200
        async with asyncio.timeout(60):
            await ended.wait()
    assert taken < 50_000_000
