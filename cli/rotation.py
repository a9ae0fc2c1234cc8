"""Encrypts stored secrets with the first key, so that an older key can be dropped."""

import asyncio

import typer

from cli.surroundings import one_line_errors
from store.access import deployment_key, signing_secrets
from store.access.vault import Vault
from store.database import Database
from store.orders import claim_links
from store.settings import StoreSettings


def run() -> int:
    """Re-encrypt every claim link and signing secret; return the exit status. 1: one could not be
    decrypted, 2: a setting is wrong."""
    with one_line_errors():
        settings = StoreSettings()
        return _run(settings, Vault(settings.encryption_keys.get_secret_value()))


def _run(settings: StoreSettings, vault: Vault) -> int:
    try:
        changed, signing = asyncio.run(_rotate(settings, vault))
    except ValueError as error:
        typer.echo(f"guerdon: {error}", err=True)
        return 1
    if signing:
        typer.echo(f"{signing} signing secrets re-encrypted.")
    typer.echo(f"{changed} claim links re-encrypted. Every one is now under the first key.")
    return 0


async def _rotate(settings: StoreSettings, vault: Vault) -> tuple[int, int]:
    database = Database(settings.database_url.get_secret_value(), pool=2)
    try:
        signing = await signing_secrets.rotate(database, vault)
        await deployment_key.rotate(database, vault)
        return await claim_links.rotate(database, vault, tell=_tell), signing
    finally:
        await database.dispose()


def _tell(done: int, total: int) -> None:
    typer.echo(f"{done} of {total} claim links seen")
