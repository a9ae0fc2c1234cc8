"""TLS to PostgreSQL, required by the URL: against a server that speaks it, by both drivers."""

from __future__ import annotations

import asyncio
import ssl
import struct
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import text
from sqlalchemy.engine import make_url

from store.database import Database
from store.exports.csv import csv_of
from store.migrate import upgrade
from store.postgres_url import parse
from store.tables import Customer

_SSL_REQUEST = struct.pack("!ii", 8, 80877103)


class Server(NamedTuple):
    """A port where PostgreSQL speaks TLS, and the files of its authority."""

    url: str
    root: Path
    other_root: Path

    def asked(self, host: str = "localhost", **parameters: str) -> str:
        url = make_url(self.url).set(host=host, query=parameters)
        return url.render_as_string(hide_password=False)


def _certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A certificate of its own authority for `name`, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    names: list[x509.GeneralName] = [x509.DNSName(name)]
    if name == "127.0.0.1":
        names = [x509.IPAddress(ip_address(name))]
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    crt, pem = folder / f"{name}.crt", folder / f"{name}.key"
    crt.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return crt, pem


@pytest_asyncio.fixture
async def server(database_url: str, tmp_path: Path) -> AsyncIterator[Server]:
    """The embedded PostgreSQL is built without TLS: this port speaks it on its behalf, and takes
    no connection in clear."""
    crt, key = _certificate(tmp_path, "localhost")
    other, _ = _certificate(tmp_path, "elsewhere.example")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(crt, key)
    behind = make_url(database_url)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if await reader.readexactly(8) != _SSL_REQUEST:
                writer.close()
                return
            writer.write(b"S")
            await writer.start_tls(context)
            there, back = await asyncio.open_connection(behind.host, behind.port)
            await asyncio.gather(_pipe(reader, back), _pipe(there, writer))
        except (OSError, asyncio.IncompleteReadError):
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    url = behind.set(port=port).render_as_string(hide_password=False)
    yield Server(url, crt, other)
    listening.close()


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while block := await reader.read(65536):
            writer.write(block)
            await writer.drain()
    finally:
        writer.close()


async def _works(url: str) -> None:
    """The engine, and asyncpg on its own, as exports use it."""
    database = Database(url, pool=1)
    try:
        async with database.reading() as session:
            assert await session.scalar(text("SELECT 1")) == 1
        from sqlalchemy import select
        from sqlmodel import col

        blocks = [block async for block in csv_of(database, select(col(Customer.id)))]
        assert b"".join(blocks) == b"id\n"
    finally:
        await database.dispose()


@pytest.mark.parametrize("word", ["sslmode", "ssl"])
@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
async def test_both_drivers_speak_tls(server: Server, word: str, mode: str) -> None:
    await _works(server.asked(**{word: mode, "sslrootcert": str(server.root)}))


@pytest.mark.parametrize("mode", ["prefer", "require"])
async def test_without_an_authority_nothing_is_verified(server: Server, mode: str) -> None:
    await _works(server.asked(sslmode=mode))


async def test_migrations_speak_it_too(server: Server) -> None:
    url = server.asked(sslmode="verify-full", sslrootcert=str(server.root))
    await asyncio.to_thread(upgrade, url)


@pytest.mark.parametrize("mode", ["verify-ca", "verify-full"])
async def test_another_authority_is_refused(server: Server, mode: str) -> None:
    url = server.asked(sslmode=mode, sslrootcert=str(server.other_root))
    with pytest.raises(ssl.SSLCertVerificationError):
        await parse(url).connect()


async def test_the_name_is_compared_by_verify_full_only(server: Server) -> None:
    files = {"sslrootcert": str(server.root)}
    connection = await parse(server.asked("127.0.0.1", sslmode="verify-ca", **files)).connect()
    await connection.close()
    with pytest.raises(ssl.SSLCertVerificationError):
        await parse(server.asked("127.0.0.1", sslmode="verify-full", **files)).connect()


async def test_a_server_without_tls_is_refused_where_it_is_required(database_url: str) -> None:
    with pytest.raises(ConnectionError):
        await parse(f"{database_url}?sslmode=require").connect()


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("sslmode=always", "sslmode=always"),
        ("sslmode=verify-full&sslrootcert=/nowhere.crt", "/nowhere.crt"),
        ("sslrootcert=/nowhere.crt", "without sslmode"),
        ("connect_timeout=3", "unknown parameter connect_timeout"),
        ("sslmode=require&sslmode=disable", "more than once"),
    ],
)
def test_an_unusable_parameter_is_named(query: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as raised:
        parse(f"postgresql://guerdon:s3cr3t@localhost/guerdon?{query}")
    assert "s3cr3t" not in str(raised.value)
