"""A real SMTP server for tests, which keeps what it takes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP as ServerProtocol
from aiosmtpd.smtp import Envelope, Session


class Mailbox:
    """A mail server's rules and what it has taken. `answer` of None hangs up after the mail."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.envelopes: list[Envelope] = []
        self.sessions: set[int] = set()
        self.answer: str | None = "250 OK"
        self.at_recipient = "250 OK"
        self.keeps = True
        self.at_once = self.most_at_once = 0
        self.heard: Callable[[str], None] = lambda command: None
        """Called at EHLO, RCPT, DATA (the mail has come), and when it is answered."""

    async def handle_EHLO(
        self,
        server: Any,
        session: Session,
        envelope: Envelope,
        hostname: str,
        responses: list[str],
    ) -> list[str]:
        session.host_name = hostname
        self.heard("EHLO")
        return responses

    async def handle_RCPT(
        self, server: Any, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.heard("RCPT")
        if self.at_recipient.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.at_recipient

    async def handle_DATA(self, server: Any, session: Session, envelope: Envelope) -> str:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        self.sessions.add(id(session))
        if self.keeps:
            content = envelope.content
            assert isinstance(content, bytes)
            self.mails.append(message_from_bytes(content, policy=policy.default))
            self.envelopes.append(envelope)
        self.heard("DATA")
        if self.answer is None:
            server.transport.abort()
            return "421 gone"
        asyncio.get_running_loop().call_soon(self.heard, "answered")
        return self.answer


@asynccontextmanager
async def serving(box: Mailbox, **options: Any) -> AsyncIterator[int]:
    """The port of a server with this mailbox, in the test's own loop."""
    loop = asyncio.get_running_loop()
    opened: list[asyncio.Transport] = []

    class Protocol(ServerProtocol):
        def connection_made(self, transport: Any) -> None:
            opened.append(transport)
            super().connection_made(transport)

    def protocol() -> ServerProtocol:
        return Protocol(box, hostname="mail.test", enable_SMTPUTF8=True, loop=loop, **options)

    server = await loop.create_server(protocol, "127.0.0.1", 0)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for transport in opened:
            transport.abort()
        for _ in range(5):
            await asyncio.sleep(0)
