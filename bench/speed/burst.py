"""Many conversions of one code in the same instant, each on a connection of its own."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from uuid import uuid4

import httpx

from bench.speed.engine import Engine, conversion


@dataclass(frozen=True)
class Burst:
    """When it began, seconds since the epoch, and how long each answer took, in seconds."""

    began: float
    latencies: list[float]


async def burst(engine: Engine, code: str, count: int) -> Burst:
    """Raise unless every one was accepted. The connections are open and the requests written out
    before it begins: what is measured is the product, not this client."""
    url = httpx.URL(engine.stack.urls.api)
    lines = [await asyncio.open_connection(url.host, url.port) for _ in range(count)]
    requests = [_request(engine, code) for _ in lines]
    began, clock = time.time(), time.perf_counter()
    for (_, writer), request in zip(lines, requests, strict=True):
        writer.write(request)
    latencies = await asyncio.gather(*(_answered(reader, clock) for reader, _ in lines))
    for _, writer in lines:
        writer.close()
    return Burst(began, latencies)


def _request(engine: Engine, code: str) -> bytes:
    body = json.dumps(conversion(code, uuid4().hex)).encode()
    info = engine.stack.info
    head = (
        "POST /v1/events HTTP/1.1\r\n"
        "Host: guerdon\r\n"
        f"X-App-Id: {info.app_id}\r\n"
        f"X-App-Token: {info.app_token}\r\n"
        "Content-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _answered(reader: asyncio.StreamReader, began: float) -> float:
    head = await reader.readuntil(b"\r\n\r\n")
    taken = time.perf_counter() - began
    status = int(head.split(b" ", 2)[1])
    if status != 200:
        raise RuntimeError(f"the burst: {status} {(await reader.read(300))!r}")
    return taken
