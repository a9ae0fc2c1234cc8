"""Connections to a mail server, a few of them, kept open for a while."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from aiosmtplib import SMTP, SMTPException

from activities.outbound import addresses_of

_IDLE = 20.0
"""Seconds after which an unused connection is closed: servers close them too."""
_MAILS = 100
"""Mails per connection."""
_PORTS = {"smtp": 587, "smtps": 465, "smtp+plain": 25}


class Server(NamedTuple):
    """A mail server. `smtp`: STARTTLS is required; `smtps`: TLS from the first byte; `smtp+plain`:
    not encrypted, for a laptop and tests."""

    scheme: str
    host: str
    port: int
    username: str | None
    password: str | None

    @classmethod
    def parse(cls, url: str) -> Server:
        """Raises ValueError; its words quote no password."""
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise ValueError("must be like smtp://user:password@mail.example:587, or smtps://")
        return cls(
            parts.scheme,
            parts.hostname,
            parts.port or _PORTS[parts.scheme],
            unquote(parts.username) if parts.username else None,
            unquote(parts.password) if parts.password else None,
        )


class _Open(NamedTuple):
    client: SMTP
    since: float
    mails: int


class Connections:
    """`within`: seconds for each exchange with the server; `local_name`: how we introduce
    ourselves."""

    def __init__(
        self,
        server: Server,
        *,
        local_name: str,
        most: int = 4,
        within: float = 20.0,
        allow_private: bool = False,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._server, self._local_name, self._within = server, local_name, within
        self._allow_private, self._tls = allow_private, tls
        self._turns = asyncio.Semaphore(most)
        self._idle: list[_Open] = []

    async def close(self) -> None:
        """Close the connections that are not in use."""
        idle, self._idle = self._idle, []
        for each in idle:
            await _quit(each.client)

    @asynccontextmanager
    async def one(self) -> AsyncIterator[SMTP]:
        """An open connection, kept for the next mail unless an error is raised."""
        async with self._turns:
            opened = await self._reused() or _Open(await self._connect(), 0.0, 0)
            try:
                yield opened.client
            except BaseException:
                opened.client.close()
                raise
            if opened.client.is_connected and opened.mails + 1 < _MAILS:
                self._idle.append(_Open(opened.client, time.monotonic(), opened.mails + 1))
            else:
                await _quit(opened.client)

    async def _reused(self) -> _Open | None:
        while self._idle:
            opened = self._idle.pop()
            if time.monotonic() - opened.since < _IDLE and opened.client.is_connected:
                with suppress(SMTPException, OSError, TimeoutError):
                    await opened.client.rset()
                    return opened
            opened.client.close()
        return None

    async def _connect(self) -> SMTP:
        server = self._server
        client = SMTP(
            hostname=server.host,
            sock=await self._socket(),
            timeout=self._within,
            use_tls=server.scheme == "smtps",
            start_tls=server.scheme == "smtp",
            tls_context=self._tls,
            username=server.username,
            password=server.password,
            local_hostname=self._local_name,
        )
        try:
            await client.connect()
            if client.is_ehlo_or_helo_needed:
                await client.ehlo()
        except BaseException:
            client.close()
            raise
        return client

    async def _socket(self) -> socket.socket:
        """Connected to an address that was checked: the name is not resolved again."""
        host, port = self._server.host, self._server.port
        addresses = await addresses_of(host, port, allow_private=self._allow_private)
        failure: OSError = OSError("no address")
        for address in addresses:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            opened = socket.socket(family, socket.SOCK_STREAM)
            opened.setblocking(False)
            try:
                async with asyncio.timeout(self._within):
                    await asyncio.get_running_loop().sock_connect(opened, (address, port))
                return opened
            except OSError as error:  # a time-out too
                opened.close()
                failure = error
        raise failure


async def _quit(client: SMTP) -> None:
    with suppress(SMTPException, OSError, TimeoutError):
        await client.quit()
    client.close()
