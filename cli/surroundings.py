"""Finds PostgreSQL and Temporal for a command: in the environment, else in the stack that `guerdon
dev` runs here. Explains what is wrong if they cannot be used."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from store.outage import FAILURES, in_words
from store.settings import StoreSettings, explain

_DATABASE = "GUERDON_DATABASE_URL"


def find_surroundings() -> str:
    """The database's URL.

    Without settings in the environment, the addresses of a running `guerdon dev` are used,
    Temporal's too. Raises ValueError when there is neither."""
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
def one_line_errors() -> Iterator[None]:
    """End the command with status 2 and one line instead of a traceback, if a setting is wrong or
    PostgreSQL cannot be used."""
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


def bar() -> Progress:
    """A bar on the screen, next to what the command prints; `rows` is a field of its task."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rows]} rows"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )


T = TypeVar("T")


def run_and_leave(act: Coroutine[object, object, T]) -> T:
    """Run a coroutine that uses a Temporal client, as the last action of a command."""
    return asyncio.run(_and_rest(act))


async def _and_rest(act: Coroutine[object, object, T]) -> T:
    try:
        return await act
    finally:
        # The SDK's threads outlive the client briefly; exiting during that aborts the interpreter.
        await asyncio.sleep(0.3)
