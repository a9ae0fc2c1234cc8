"""Finds PostgreSQL and Temporal for a command: in the environment, else in the stack that `guerdon
dev` runs here. Explains what is wrong if they cannot be used.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from store.outage import FAILURES, in_words
from store.settings import StoreSettings, explain

_DATABASE = "GUERDON_DATABASE_URL"


def find_surroundings() -> str:
    """The database's URL.

    Without settings in the environment, the addresses of a running `guerdon dev` are used,
    Temporal's too. Raises ValueError when there is neither.
    """
    if _DATABASE not in os.environ:
        file = Path(os.environ.get("GUERDON_HOME") or ".guerdon") / "dev.json"
        if not file.exists():
            raise ValueError(f"{_DATABASE} is not set, and no `guerdon dev` runs here")
        running = json.loads(file.read_text())
        os.environ.setdefault("TEMPORAL_ADDRESS", running["temporal"]["address"])
        os.environ.setdefault("TEMPORAL_NAMESPACE", running["temporal"]["namespace"])
        # The stack's own, so that a command that creates schedules creates the same ones.
        os.environ.setdefault("GUERDON_MAX_DELAY_SECONDS", "10")
        if running["api"]:
            os.environ.setdefault("GUERDON_PUBLIC_URL", running["api"]["url"])
        return str(running["postgres"]["url"])
    return StoreSettings().database_url.get_secret_value()


@contextmanager
def told_in_a_line() -> Iterator[None]:
    """End the command with status 2 and one line instead of a traceback, if a setting is wrong or
    PostgreSQL cannot be used.
    """
    try:
        yield
    except ValueError as error:
        words = explain(error)
    except FAILURES as error:
        words = in_words(error)
    else:
        return
    typer.echo(f"guerdon: {words}", err=True)
    raise typer.Exit(2)
