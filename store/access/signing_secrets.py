"""Signing secrets: stored once, encrypted, and only decrypted for signing."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import insert, select
from sqlmodel import col

from domain.refusals import InvalidPayload
from store.access.vault import Vault
from store.database import Database, Transaction
from store.tables import SigningSecret


async def keep(tx: Transaction, secrets: Mapping[str, str], vault: Vault) -> None:
    """Store each under its id."""
    if secrets:
        await tx.session.execute(
            insert(SigningSecret),
            [
                {
                    "id": id,
                    "ciphertext": vault.encrypt(secret.encode(), id),
                    "created_at": tx.now,
                }
                for id, secret in secrets.items()
            ],
        )


async def must_exist(tx: Transaction, ids: set[str]) -> None:
    """Raises InvalidPayload if one does not exist."""
    if not ids:
        return
    found = await tx.session.scalars(
        select(col(SigningSecret.id)).where(col(SigningSecret.id).in_(ids))
    )
    if missing := ids - set(found):
        raise InvalidPayload(f"There is no secret {min(missing)!r}.", field="/secret_id")


async def rotate(database: Database, vault: Vault) -> int:
    """Encrypt every secret with the first key; return how many were changed.

    There are few: one per custom reward. Raises ValueError for one that no configured key decrypts.
    """
    async with database.transaction() as tx:
        rows = await tx.session.scalars(select(SigningSecret).with_for_update())
        stale = [row for row in rows if not vault.is_current(row.ciphertext)]
        for row in stale:
            row.ciphertext = vault.encrypt(vault.decrypt(row.ciphertext, row.id), row.id)
    return len(stale)


async def open_secret(tx: Transaction, secret_id: str, vault: Vault) -> str:
    """The secret itself."""
    row = await tx.session.get_one(SigningSecret, secret_id)
    return vault.decrypt(row.ciphertext, row.id).decode()
