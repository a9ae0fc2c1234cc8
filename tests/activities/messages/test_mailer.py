"""Mails arrive in a real SMTP server's mailbox, and each way of failing is told apart."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from activities.messages.envelope import Sender
from activities.messages.mailer import Mailer
from activities.messages.smtp import Server
from domain.messaging.channels import Channel
from domain.messaging.ready.catalogue import READY
from domain.messaging.sending import Result
from domain.messaging.templates import Rendered
from domain.messaging.variables import SAMPLE
from store.messages.claim import Attempt
from tests.mail_server import Mailbox, serving

SENDER = Sender.parse("Acme Shop <hello@acme.example>", "bounces@acme.example")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A certificate for localhost, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    plain = serialization.NoEncryption()
    pem = serialization.PrivateFormat.PKCS8
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, pem, plain)
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    return path


def part(mail: EmailMessage, kind: str) -> str:
    """The mail's text or HTML; lines end in CRLF on the wire."""
    found = mail.get_body((kind,))
    assert found is not None
    return str(found.get_content()).replace("\r\n", "\n").strip()


def attempt(number: int = 1, **changes: Any) -> Attempt:
    given: dict[str, Any] = {
        "message_id": f"msg_{number:026}",
        "number": 1,
        "channel": Channel.EMAIL,
        "address": "jane@example.com",
        "rendered": Rendered("en", "Your reward is here", "<p>Jané</p>", "Jané\n", None),
        "first_sent_at": datetime(2026, 12, 1, 12, tzinfo=UTC),
        "unsubscribe_url": None,
        "url": None,
        "secret": None,
    }
    return Attempt(**given | changes)


def mailer(port: int, scheme: str = "smtp+plain", **changes: Any) -> Mailer:
    server = Server.parse(f"{scheme}://localhost:{port}")
    given: dict[str, Any] = {"allow_private": True, "within": 5.0}
    return Mailer(server, SENDER, **given | changes)


async def test_a_mail_arrives_with_text_html_and_the_headers_that_mail_services_ask_for() -> None:
    box = Mailbox()
    async with serving(box) as port:
        sender = mailer(port)
        outcome = await sender.send(attempt(unsubscribe_url="https://api.example/unsubscribe/t"))
        await sender.close()
    assert outcome.result is Result.ACCEPTED
    (mail,) = box.mails
    assert mail["Message-ID"] == f"<msg_{1:026}@acme.example>"
    assert mail["From"] == "Acme Shop <hello@acme.example>"
    assert mail["To"] == "jane@example.com"
    assert mail["Subject"] == "Your reward is here"
    assert mail["List-Unsubscribe"] == "<https://api.example/unsubscribe/t>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert part(mail, "plain") == "Jané"
    assert part(mail, "html") == "<p>Jané</p>"
    assert box.envelopes[0].mail_from == f"bounces+msg_{1:026}@acme.example"


async def test_a_mail_that_is_no_marketing_offers_no_unsubscribing() -> None:
    box = Mailbox()
    async with serving(box) as port:
        sender = mailer(port)
        await sender.send(attempt())
        await sender.close()
    assert "List-Unsubscribe" not in box.mails[0]


@pytest.mark.parametrize("ready", READY, ids=lambda ready: ready.template.name)
async def test_each_ready_mail_passes_through_a_server_unharmed(ready: Any) -> None:
    box = Mailbox()
    rendered = ready.template.render(SAMPLE, "de")
    async with serving(box) as port:
        sender = mailer(port)
        outcome = await sender.send(attempt(rendered=rendered))
        await sender.close()
    assert outcome.result is Result.ACCEPTED
    (mail,) = box.mails
    assert part(mail, "plain") == rendered.text.strip()
    assert part(mail, "html") == rendered.html.strip()
    assert mail["Subject"] == rendered.subject


async def test_starttls_is_required_and_the_servers_name_is_checked(certificate: Path) -> None:
    box = Mailbox()
    serves = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    serves.load_cert_chain(certificate)
    trusts = ssl.create_default_context(cafile=str(certificate))
    async with serving(box, tls_context=serves, require_starttls=True) as port:
        trusted, stranger = mailer(port, "smtp", tls=trusts), mailer(port, "smtp")
        other_name = Mailer(
            Server.parse(f"smtp://127.0.0.1:{port}"), SENDER, allow_private=True, tls=trusts
        )
        assert (await trusted.send(attempt())).result is Result.ACCEPTED
        assert (await stranger.send(attempt(2))).result is Result.NOT_SENT
        assert (await other_name.send(attempt(3))).result is Result.NOT_SENT
        await trusted.close()
    assert len(box.mails) == 1


async def test_no_mail_goes_out_in_clear_where_the_server_offers_no_starttls() -> None:
    box = Mailbox()
    async with serving(box) as port:
        outcome = await mailer(port, "smtp").send(attempt())
    assert outcome.result is Result.NOT_SENT
    assert box.mails == []


async def test_a_login_that_is_refused_sends_nothing_and_quotes_no_password() -> None:
    box = Mailbox()

    def refuse(*_: Any) -> AuthResult:
        return AuthResult(success=False, handled=False)

    async with serving(box, authenticator=refuse, auth_require_tls=False) as port:
        server = Server.parse(f"smtp+plain://user:secret-word@localhost:{port}")
        outcome = await Mailer(server, SENDER, allow_private=True).send(attempt())
    assert outcome.result is Result.NOT_SENT
    assert "secret-word" not in str(outcome)
    assert box.mails == []


@pytest.mark.parametrize(
    ("at_recipient", "result"),
    [
        ("550 5.1.1 <jane@example.com>: no such user", Result.NO_SUCH_ADDRESS),
        ("550 no such user jane@example.com", Result.NO_SUCH_ADDRESS),
        ("550 5.7.1 your server is not allowed to send", Result.REFUSED),
        ("552 5.2.2 mailbox of jane@example.com is full", Result.REFUSED),
        ("450 4.2.1 try again later, jane@example.com", Result.NOT_SENT),
        ("421 4.3.2 going down", Result.NOT_SENT),
    ],
)
async def test_a_refused_address_is_told_from_other_refusals_and_never_quoted(
    at_recipient: str, result: Result
) -> None:
    box = Mailbox()
    box.at_recipient = at_recipient
    async with serving(box) as port:
        outcome = await mailer(port).send(attempt())
    assert outcome.result is result
    assert "jane" not in str(outcome.detail)
    assert box.mails == []


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        ("554 5.6.0 not wanted", Result.REFUSED),
        ("451 4.3.0 try again", Result.NOT_SENT),
        (None, Result.UNKNOWN),
    ],
)
async def test_only_a_missing_answer_to_the_mail_itself_is_an_unknown_outcome(
    answer: str | None, result: Result
) -> None:
    box = Mailbox()
    box.answer = answer
    async with serving(box) as port:
        assert (await mailer(port).send(attempt())).result is result


async def test_a_server_that_is_not_there_has_certainly_taken_nothing() -> None:
    async with serving(Mailbox()) as port:
        pass
    assert (await mailer(port).send(attempt())).result is Result.NOT_SENT


async def test_mails_share_a_few_connections() -> None:
    box = Mailbox()
    async with serving(box) as port:
        sender = mailer(port, connections=3)
        sent = await asyncio.gather(*(sender.send(attempt(number)) for number in range(30)))
        await sender.close()
    assert {one.result for one in sent} == {Result.ACCEPTED}
    assert len(box.mails) == 30
    assert len({mail["Message-ID"] for mail in box.mails}) == 30
    assert len(box.sessions) <= 3


async def test_a_connection_that_the_server_has_closed_is_replaced() -> None:
    box = Mailbox()
    async with serving(box) as port:
        sender = mailer(port, connections=1)
        box.answer = None
        assert (await sender.send(attempt(1))).result is Result.UNKNOWN
        box.answer = "250 OK"
        assert (await sender.send(attempt(2))).result is Result.ACCEPTED
        await sender.close()


@pytest.mark.parametrize(
    "host",
    ["localhost", "127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "127.1", "2130706433", "0.0.0.0"],
)
async def test_a_private_mail_server_is_refused_by_every_spelling(host: str) -> None:
    box = Mailbox()
    async with serving(box) as port:
        server = Server.parse(f"smtp+plain://{host}:{port}")
        outcome = await Mailer(server, SENDER, within=5.0).send(attempt())
    assert outcome.result is Result.NOT_SENT
    assert box.mails == []


async def test_an_address_beyond_ascii_arrives_where_the_server_takes_it() -> None:
    box = Mailbox()
    async with serving(box) as port:
        sender = mailer(port)
        outcome = await sender.send(attempt(address="jané@exämple.com"))
        await sender.close()
    assert outcome.result is Result.ACCEPTED
    assert box.envelopes[0].rcpt_tos == ["jané@exämple.com"]


@pytest.mark.parametrize("url", ["mail.example", "http://mail.example", "smtp://", "smtp:///x"])
def test_a_malformed_mail_server_is_refused_and_its_password_is_not_quoted(url: str) -> None:
    with pytest.raises(ValueError, match="must be like"):
        Server.parse(url)
