"""Sends mails by SMTP, over a few connections that are kept open for a while.

Up to the last recipient's answer nothing was sent; from the first byte of the mail until the
server's answer nobody knows. So the three commands are given one by one, and only what happens in
the last is an unknown outcome."""

from __future__ import annotations

import re
import ssl

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
from activities.messages.smtp import Connections, Server
from activities.outbound import TargetRefused
from domain.messaging.sending import Result
from store.messages.claim import Attempt

_NO_MAILBOX = re.compile(r"\b5\.1\.[0-9]+\b")
_CODE = re.compile(r"\b[245]\.[0-9]{1,3}\.[0-9]{1,3}\b")
"""An enhanced status code, RFC 3463."""


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
        self._sender = sender
        self._connections = Connections(
            server,
            local_name=sender.domain,
            most=connections,
            within=within,
            allow_private=allow_private,
            tls=tls,
        )

    async def send(self, attempt: Attempt) -> Outcome:
        """Send one mail; never raises."""
        try:
            async with self._connections.one() as client:
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
        """Close its connections."""
        await self._connections.close()

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
