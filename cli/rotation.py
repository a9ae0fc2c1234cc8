"""Encrypting what is stored under today's first key, so that an older one can be dropped."""

import asyncio

import typer

from store import claims
from store.crypto import Vault
from store.database import Database
from store.settings import StoreSettings, explain


def run() -> int:
    """Re-encrypt every claim link; the exit status. 1: one could not be opened, 2: settings."""
    try:
        settings = StoreSettings()
        vault = Vault(settings.encryption_keys.get_secret_value())
    except ValueError as error:
        typer.echo(f"guerdon: {explain(error)}", err=True)
        return 2
    try:
        changed = asyncio.run(_rotate(settings, vault))
    except ValueError as error:
        typer.echo(f"guerdon: {error}", err=True)
        return 1
    typer.echo(f"{changed} claim links re-encrypted. Every one is now under the first key.")
    return 0


async def _rotate(settings: StoreSettings, vault: Vault) -> int:
    database = Database(settings.database_url.get_secret_value(), pool=2)
    try:
        return await claims.rotate(database, vault, tell=_tell)
    finally:
        await database.dispose()


def _tell(done: int, total: int) -> None:
    typer.echo(f"{done} of {total} claim links seen")
