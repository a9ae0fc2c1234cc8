"""Parses the database's URL for both drivers: SQLAlchemy's engine and asyncpg know different
parameters. The parameters are those of PostgreSQL's libpq."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_FILES = ("sslrootcert", "sslcert", "sslkey")
_PARAMETERS = ("sslmode", "ssl", *_FILES, "application_name")
_UNENCRYPTED_TOO = ("disable", "allow", "prefer")
SYSTEM = "system"
"""Value of `sslrootcert`: the certificate authorities that this machine trusts."""


class Address(NamedTuple):
    """Where PostgreSQL is, without parameters, and how to connect to it."""

    url: URL
    options: Mapping[str, Any]
    """Options of asyncpg.connect, beside the address."""
    server_settings: Mapping[str, str]

    @property
    def for_engine(self) -> URL:
        """The URL for SQLAlchemy's engine on asyncpg."""
        return self.url.set(drivername="postgresql+asyncpg")

    async def connect(
        self, server_settings: Mapping[str, str] | None = None, **options: Any
    ) -> asyncpg.Connection:
        """Open a separate connection, outside the engine's pool."""
        return await asyncpg.connect(
            self.url.set(drivername="postgresql").render_as_string(hide_password=False),
            server_settings={**self.server_settings, **(server_settings or {})},
            **self.options,
            **options,
        )


def parse(database_url: str) -> Address:
    """Raises ValueError, naming the parameter, for an unknown one or a file that cannot be read.
    Never quotes the URL's password."""
    if not database_url.startswith(("postgresql://", "postgres://")):
        raise ValueError("must begin with postgresql://")
    try:
        url = make_url(database_url.replace("postgres://", "postgresql://", 1))
    except ArgumentError:
        raise ValueError("is not a URL such as postgresql://user:password@host:5432/name") from None
    given = {name: _one(name, value) for name, value in url.query.items()}
    tls = _tls(given)
    settings = (
        {"application_name": given["application_name"]} if "application_name" in given else {}
    )
    return Address(url.set(query={}), {} if tls is None else {"ssl": tls}, settings)


def _one(name: str, value: str | tuple[str, ...]) -> str:
    if name not in _PARAMETERS:
        raise ValueError(f"has the unknown parameter {name}; known are {', '.join(_PARAMETERS)}")
    if not isinstance(value, str):
        raise ValueError(f"gives {name} more than once")
    return value


def _tls(given: Mapping[str, str]) -> ssl.SSLContext | str | None:
    """asyncpg's `ssl` argument; None: not set, and TLS is used if offered."""
    mode = given.get("sslmode", given.get("ssl"))
    if mode is None:
        if files := [name for name in _FILES if name in given]:
            raise ValueError(f"gives {files[0]} without sslmode: add sslmode=verify-full")
        return None
    if mode not in MODES:
        raise ValueError(f"has sslmode={mode}; known are {', '.join(MODES)}")
    if mode in _UNENCRYPTED_TOO:
        return mode
    return _context(mode, given)


def _context(mode: str, given: Mapping[str, str]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = mode == "verify-full"
    root = given.get("sslrootcert")
    if mode == "require" and root is None:
        context.verify_mode = ssl.CERT_NONE
    elif root is None or root == SYSTEM:
        context.load_default_certs()
    else:
        _load("sslrootcert", lambda: context.load_verify_locations(_file("sslrootcert", root)))
    if certificate := given.get("sslcert"):
        key = given.get("sslkey")
        _load(
            "sslcert",
            lambda: context.load_cert_chain(
                _file("sslcert", certificate), key and _file("sslkey", key)
            ),
        )
    return context


def _load(name: str, load: Any) -> None:
    try:
        load()
    except ssl.SSLError:
        raise ValueError(f"names a file for {name} that holds no certificate or key") from None


def _file(name: str, path: str) -> str:
    if not Path(path).is_file():
        raise ValueError(f"names a file for {name} that is not there: {path}")
    return path
