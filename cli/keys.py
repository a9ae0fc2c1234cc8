"""`guerdon keys`: creates, lists and revokes credentials for the API."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TypeVar

import typer
from rich.console import Console
from rich.table import Table

from cli.surroundings import find_surroundings, one_line_errors
from domain.refusals import Refusal
from store.access.api_keys import NewKey, create, page, revoke
from store.database import Database
from store.lists.pages import Window
from store.tables import ApiKey

T = TypeVar("T")


def expiry_of(text: str | None) -> datetime | None:
    """Read a day or a time; UTC if it names no zone. Raises ValueError."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            f"--expires {text}: write 2027-01-31 or 2027-01-31T09:00:00+00:00"
        ) from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def create_key(new: NewKey) -> None:
    """Create credentials and print them, once."""

    async def act(database: Database) -> tuple[str, str]:
        async with database.transaction() as tx:
            return await create(tx, new)

    with one_line_errors():
        app_id, token = _with_database(find_surroundings(), act)
    typer.echo(f"X-App-Id: {app_id}\nX-App-Token: {token}")


def show_keys() -> None:
    """Print every credential, newest first; never a token."""
    with one_line_errors():
        keys = _with_database(find_surroundings(), _all)
    table = Table("id", "name", "role", "scopes", "created", "last used", "expires", "revoked")
    for key in keys:
        times = (key.created_at, key.last_used_at, key.expires_at, key.revoked_at)
        table.add_row(
            *(key.app_id, key.name, key.role, ", ".join(key.scopes)),
            *(f"{at:%Y-%m-%d %H:%M}" if at else "" for at in times),
        )
    # Wide enough for its rows, so that in a pipe each stays on one line.
    Console(width=max(Console().width, 160)).print(table)


def revoke_key(app_id: str) -> None:
    """Refuse the credential from now on. Raises ValueError if it does not exist."""

    async def act(database: Database) -> None:
        async with database.transaction() as tx:
            await revoke(tx, app_id)

    with one_line_errors():
        _with_database(find_surroundings(), act)


async def _all(database: Database) -> list[ApiKey]:
    keys: list[ApiKey] = []
    async with database.reading() as session:
        window = Window(100)
        while True:
            part = await page(session, window)
            keys += [row[0] for row in part.rows]
            if not part.has_more:
                return keys
            window = window._replace(after=keys[-1].app_id)


def _with_database(database_url: str, act: Callable[[Database], Awaitable[T]]) -> T:
    async def run() -> T:
        database = Database(database_url, pool=1)
        try:
            return await act(database)
        except Refusal as refusal:
            raise ValueError(refusal.detail) from None
        finally:
            await database.dispose()

    return asyncio.run(run())
