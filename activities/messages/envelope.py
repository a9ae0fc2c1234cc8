"""Builds a mail. Built again for another attempt it is the same mail, under the same Message-ID."""

from __future__ import annotations

from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from typing import NamedTuple

from store.messages.claim import Attempt

_POLICY = SMTP.clone(max_line_length=200)


class Sender(NamedTuple):
    """Who mails are from. `return_path`: where a server sends them back to; with a `+` and the
    message's id before the `@`, so that what comes back names its message."""

    name: str
    address: str
    return_path: str | None = None

    @classmethod
    def parse(cls, text: str, return_path: str | None = None) -> Sender:
        """From `Acme <hello@acme.example>`. Raises ValueError."""
        name, address = parseaddr(text)
        if "@" not in address:
            raise ValueError("must be like: Acme <hello@acme.example>")
        return cls(name, address, return_path)

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]

    def envelope_from(self, message_id: str) -> str:
        """MAIL FROM."""
        if self.return_path is None:
            return self.address
        local, _, domain = self.return_path.rpartition("@")
        return f"{local}+{message_id}@{domain}"


def mail_of(attempt: Attempt, sender: Sender) -> EmailMessage:
    """Text and HTML, with the headers that mail services ask of programs that send mails."""
    rendered = attempt.rendered
    mail = EmailMessage(policy=_POLICY)
    mail["Message-ID"] = f"<{attempt.message_id}@{sender.domain}>"
    mail["Date"] = format_datetime(attempt.first_sent_at)
    mail["From"] = Address(sender.name, addr_spec=sender.address)
    mail["To"] = attempt.address
    mail["Subject"] = rendered.subject or ""
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Guerdon-Message"] = attempt.message_id
    if attempt.unsubscribe_url:
        # RFC 8058: the mail program's own button, which posts without opening a page.
        mail["List-Unsubscribe"] = f"<{attempt.unsubscribe_url}>"
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail["Content-Language"] = rendered.language
    mail.set_content(rendered.text or "", cte="quoted-printable")
    mail.add_alternative(rendered.html or "", subtype="html", cte="quoted-printable")
    return mail
