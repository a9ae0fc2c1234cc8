"""Listens to this process: its log lines, the problems that the API answers it, and whatever the
product itself takes for a secret. Tests need not say so, and new ones are listened to as well."""

from __future__ import annotations

import logging
from collections.abc import Callable
from operator import attrgetter
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

import structlog
from pydantic import SecretStr
from structlog.typing import EventDict

from store.access.vault import Vault
from tests.said.answers import listen_to_answers
from tests.said.notes import NOTES, here

VAULTS: dict[str, Vault] = {}
"""Each that was made, by its keys: one of them opens what a database holds."""


def listen() -> None:
    """From now on, to everything in this process."""
    filtering = structlog.make_filtering_bound_logger(logging.NOTSET)
    heard = type("Heard", (filtering,), {"_process_event": _heard})
    structlog.configure(wrapper_class=heard)
    logging.getLogger().addHandler(_Handler())
    _listen_to_secrets()
    listen_to_answers()


def _heard(
    logger: structlog.BoundLoggerBase, method_name: str, event: str | None, event_kw: EventDict
) -> Any:
    """Below every processor: a test that captures the log puts its own in their place."""
    words = {"event": event, "level": method_name, **logger._context, **event_kw}
    NOTES.said("log", f"the log of {here()}", f"{words}\n")
    return structlog.BoundLoggerBase._process_event(logger, method_name, event, event_kw)


class _Handler(logging.Handler):
    """What libraries log, tracebacks included."""

    def emit(self, record: logging.LogRecord) -> None:
        NOTES.said("log", f"the log of {here()}", f"{self.format(record)}\n")


def _listen_to_secrets() -> None:
    def configured(setting: SecretStr, value: str) -> None:
        # Of an address only the password is secret.
        password = urlsplit(value).password if "://" in value else value
        NOTES.secret("a configured secret", password)

    def keyed(vault: Vault, keys: str) -> None:
        VAULTS[keys] = vault
        for key in keys.split(","):
            NOTES.secret("an encryption key", key.partition(":")[2].strip())

    _after(SecretStr, configured)
    _after(Vault, keyed)


def _after(kind: type, note: Callable[..., None]) -> None:
    """Note what each new one is made of."""
    make = attrgetter("__init__")(kind)

    def made(self: Any, value: str) -> None:
        make(self, value)
        note(self, value)

    patch.object(kind, "__init__", made).start()
