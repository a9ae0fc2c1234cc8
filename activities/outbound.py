"""The HTTP client for addresses that users configure.

It checks the address that it really connects to: the name is resolved here and the connection goes
to that result, so a name that changes between check and use (DNS rebinding) gains nothing.
Redirects and the environment's proxies are not followed."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable, Mapping
from datetime import timedelta

import httpcore
from standardwebhooks.webhooks import Webhook

from domain.targets import is_public, may_exist
from store.database import now


class TargetRefused(Exception):
    """The address may not be called, because it is not public."""


class NoAnswer(Exception):
    """No answer came; the request may have arrived."""


class Outbound:
    """Posts to configured addresses. `within`: seconds for a whole exchange."""

    def __init__(self, *, allow_private: bool, within: timedelta) -> None:
        self._backend = _Guarded(allow_private=allow_private)
        self._within = within.total_seconds()
        self._tls = httpcore.default_ssl_context()

    async def post(self, url: str, content: bytes, headers: Mapping[str, str]) -> int:
        """Return the answer's status; its body is not read. Raises TargetRefused or NoAnswer."""
        pool = httpcore.AsyncConnectionPool(self._tls, network_backend=self._backend)
        # httpcore itself adds Host and Content-Length.
        try:
            async with (
                asyncio.timeout(self._within),
                pool,
                pool.stream(
                    "POST", url, headers=list(headers.items()), content=content
                ) as response,
            ):
                return response.status
        except (TimeoutError, httpcore.TimeoutException) as error:
            raise NoAnswer(f"no answer within {self._within:g} s") from error
        except TargetRefused:
            raise
        except Exception as error:
            # Any error counts as no answer: an uncounted one would be retried for ever without
            # being seen.
            raise NoAnswer(f"no connection, or a broken one ({type(error).__name__})") from error


def signed(secret: str, message_id: str, body: bytes) -> dict[str, str]:
    """Headers of Standard Webhooks. The id is the same at every attempt."""
    at = now()
    return {
        "Content-Type": "application/json",
        "User-Agent": "Guerdon",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(message_id, at, body.decode()),
    }


class _Guarded(httpcore.AsyncNetworkBackend):
    """Connects to public addresses only."""

    def __init__(self, *, allow_private: bool) -> None:
        self._allow_private = allow_private
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's own interface
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        addresses = await addresses_of(host, port, allow_private=self._allow_private)
        for address in addresses[:-1]:
            try:
                return await self._inner.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except httpcore.ConnectError:
                continue
        return await self._inner.connect_tcp(
            addresses[-1], port, timeout, local_address, socket_options
        )

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)


async def addresses_of(host: str, port: int, *, allow_private: bool) -> list[str]:
    """The addresses of a host, to connect to these and not to its name again. Raises TargetRefused,
    and httpcore.ConnectError for a name that is not known."""
    if not may_exist(host):
        raise TargetRefused("the host name cannot exist")
    addresses = await _resolve(host, port)
    if not allow_private and not all(map(is_public, addresses)):
        raise TargetRefused("the address is private, or is not on the public internet")
    return addresses


async def _resolve(host: str, port: int) -> list[str]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise httpcore.ConnectError("the name is not known") from error
    return list(dict.fromkeys(str(address[0]) for *_, address in found))
