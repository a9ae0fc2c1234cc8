"""Sends mails by SMTP, over a few connections that are kept open for a while.

Up to the last recipient's answer nothing was sent; from the first byte of the mail until the
server's answer nobody knows. So the three commands are given one by one, and only what happens in
the last is an unknown outcome.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import httpcore
from aiosmtplib import (
    SMTP,
    SMTPAuthenticationError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPResponseException,
)

from activities.messages.envelope import Sender, mail_of
from activities.messages.outcome import ACCEPTED, Outcome
from activities.outbound import TargetRefused, addresses_of
from domain.messaging.sending import Result
from store.messages.claim import Attempt

_IDLE = 20.0
"""Seconds after which an unused connection is closed: servers close them too."""
_MAILS = 100
"""Mails per connection."""
_PORTS = {"smtp": 587, "smtps": 465, "smtp+plain": 25}
_NO_MAILBOX = re.compile(r"\b5\.1\.[0-9]+\b")
_CODE = re.compile(r"\b[245]\.[0-9]{1,3}\.[0-9]{1,3}\b")
"""An enhanced status code, RFC 3463."""


class Server(NamedTuple):
    """A mail server. `smtp`: STARTTLS is required; `smtps`: TLS from the first byte; `smtp+plain`:
    not encrypted, for a laptop and tests.
    """

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


class Mailer:
    """`within`: seconds for each exchange with the server."""

    def __init__(
        self,
        server: Server,
        sender: Sender,
        *,
        connections: int = 4,
        within: float = 20.0,
        allow_private: bool = False,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._server, self._sender, self._within = server, sender, within
        self._allow_private, self._tls = allow_private, tls
        self._turns = asyncio.Semaphore(connections)
        self._idle: list[_Open] = []

    async def send(self, attempt: Attempt) -> Outcome:
        """Send one mail; never raises."""
        try:
            async with self._connection() as client:
                return await self._transfer(client, attempt)
        except TargetRefused as refused:
            return Outcome(Result.NOT_SENT, f"The mail server is not used: {refused}.")
        except SMTPAuthenticationError as error:
            return Outcome(Result.NOT_SENT, f"The mail server refuses our login ({error.code}).")
        except SMTPResponseException as error:
            return Outcome(Result.NOT_SENT, f"The mail server answered {_answer(error)}.")
        except (SMTPException, OSError, httpcore.ConnectError, TimeoutError) as error:
            return Outcome(Result.NOT_SENT, f"No mail server ({type(error).__name__}).")

    async def close(self) -> None:
        """Close the connections that are not in use."""
        idle, self._idle = self._idle, []
        for each in idle:
            await _quit(each.client)

    async def _transfer(self, client: SMTP, attempt: Attempt) -> Outcome:
        mail = mail_of(attempt, self._sender)
        content, recipient = mail.as_bytes(), attempt.address
        utf8 = not recipient.isascii()
        if utf8 and not client.supports_extension("smtputf8"):
            return Outcome(Result.REFUSED, "The mail server takes no such address (SMTPUTF8).")
        encoding = "utf-8" if utf8 else "ascii"
        options = ["SMTPUTF8"] if utf8 else []
        sent_from = self._sender.envelope_from(attempt.message_id)
        await client.mail(sent_from, options=options, encoding=encoding)
        try:
            await client.rcpt(recipient, encoding=encoding)
        except SMTPRecipientRefused as error:
            return _recipient_refused(error)
        return await _deliver(client, content)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[SMTP]:
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
            local_hostname=self._sender.domain,
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


async def _deliver(client: SMTP, content: bytes) -> Outcome:
    """The moment of doubt: only an answer says whether the server has taken the mail."""
    try:
        await client.data(content)
    except SMTPResponseException as error:
        permanent = error.code >= 500
        result = Result.REFUSED if permanent else Result.NOT_SENT
        return Outcome(result, f"The mail server answered {_answer(error)}.")
    except (SMTPException, OSError, TimeoutError) as error:
        client.close()
        return Outcome(Result.UNKNOWN, f"No answer from the mail server ({type(error).__name__}).")
    return ACCEPTED


def _recipient_refused(error: SMTPRecipientRefused) -> Outcome:
    words = f"The mail server refused the address: {_answer(error)}."
    if error.code < 500:
        return Outcome(Result.NOT_SENT, words)
    unknown = error.code in (550, 551, 553) and _says_no_mailbox(error)
    return Outcome(Result.NO_SUCH_ADDRESS if unknown else Result.REFUSED, words)


def _says_no_mailbox(error: SMTPRecipientRefused) -> bool:
    """550 without an enhanced code is the classic "no such user"; with one it may be a policy."""
    code = _CODE.search(error.message)
    return code is None or _NO_MAILBOX.match(code.group()) is not None


def _answer(error: SMTPResponseException) -> str:
    """Only the codes: the words behind them often repeat the address."""
    enhanced = _CODE.search(error.message)
    return f"{error.code} {enhanced.group()}" if enhanced else str(error.code)


async def _quit(client: SMTP) -> None:
    with suppress(SMTPException, OSError, TimeoutError):
        await client.quit()
    client.close()
