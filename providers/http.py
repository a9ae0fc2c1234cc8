"""One HTTP exchange with a provider; its failures are sorted by whether money can have moved."""

from __future__ import annotations

import asyncio
import zlib
from datetime import timedelta
from typing import Any

import httpx

from providers.outcomes import NotSent, OutcomeUnknown, ProviderError

LARGEST = 10_000_000
"""Bytes of an unpacked answer; the longest catalogue has a few million."""
_NOTHING_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class UnreadableAnswer(Exception):
    """The answer is too long or cannot be unpacked; the rest was not read."""


async def exchange(
    client: httpx.AsyncClient, request: httpx.Request, *, within: float, creates: bool
) -> httpx.Response:
    """Send `request` once and read the answer whole, within `within` seconds in all.

    Raises NotSent when nothing can have been processed: no connection was made, or the request
    creates nothing. Raises OutcomeUnknown when an order-creating request may have arrived."""
    lost: type[ProviderError] = OutcomeUnknown if creates else NotSent
    try:
        async with asyncio.timeout(within):
            return await _bounded(client, request)
    except _NOTHING_LEFT as error:
        raise NotSent(f"no connection to the provider ({type(error).__name__})") from error
    except TimeoutError as error:
        raise lost(f"no answer within {within:g} s") from error
    except UnreadableAnswer as error:
        raise lost(str(error)) from error
    except UnicodeError as error:
        raise NotSent("no connection: the provider's host name cannot exist") from error
    except Exception as error:
        # Whatever the error is, an order-creating request may have been sent.
        raise lost(f"the connection broke ({type(error).__name__})") from error


async def _bounded(client: httpx.AsyncClient, request: httpx.Request) -> httpx.Response:
    """The answer with its body, of at most LARGEST bytes: httpx itself would unpack a small
    compressed answer into gigabytes."""
    request.headers["Accept-Encoding"] = "gzip"
    response = await client.send(request, stream=True)
    if response.is_closed:  # it came whole, without a network
        return response
    try:
        body = bytearray()
        async for piece in response.aiter_raw():
            body += piece
            if len(body) > LARGEST:
                raise UnreadableAnswer(f"an answer of more than {LARGEST} bytes")
    finally:
        await response.aclose()
    headers = response.headers.copy()
    packed = headers.pop("content-encoding", "identity").strip().lower()
    content = bytes(body) if packed in ("", "identity") else _unpacked(bytes(body), packed)
    for name in ("content-length", "transfer-encoding"):
        headers.pop(name, None)
    return httpx.Response(response.status_code, headers=headers, content=content, request=request)


def _unpacked(body: bytes, packed: str) -> bytes:
    if packed not in ("gzip", "x-gzip", "deflate"):
        raise UnreadableAnswer("an answer in an encoding that was not asked for")
    unpacking = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
    try:
        content = unpacking.decompress(body, LARGEST)
    except zlib.error:
        raise UnreadableAnswer("an answer whose compression is broken") from None
    if not unpacking.eof:
        raise UnreadableAnswer(f"an answer that is cut short, or of more than {LARGEST} bytes")
    return content


def retry_after(response: httpx.Response) -> timedelta | None:
    """The provider's Retry-After, if it is given in seconds."""
    value = response.headers.get("retry-after", "")
    return timedelta(seconds=int(value)) if value.isdigit() else None


def folded(value: Any) -> Any:
    """A JSON value with every member name in lower case, for providers whose documents and
    servers disagree on case."""
    if isinstance(value, dict):
        return {str(name).lower(): folded(member) for name, member in value.items()}
    if isinstance(value, list):
        return [folded(member) for member in value]
    return value
