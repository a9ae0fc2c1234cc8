"""The key that this deployment signs evidence with: Ed25519, made by whoever needs it first. Its
private half is encrypted under GUERDON_ENCRYPTION_KEYS, so that whoever can only write to the
database cannot sign."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from domain.evidence import Evidence, Signature, signed_text
from store.access.vault import Vault
from store.database import Database, ReadSession, Transaction
from store.tables import DeploymentKey

_ID = "evidence"


async def sign(tx: Transaction, evidence: Evidence, vault: Vault) -> Evidence:
    """The same document with this deployment's signature. Raises ValueError when no configured
    encryption key opens the signing key."""
    row = await _row(tx, vault)
    private = Ed25519PrivateKey.from_private_bytes(vault.decrypt(row.ciphertext, row.id))
    value = private.sign(signed_text(evidence)).hex()
    signature = Signature(public_key=row.public_key, value=value)
    return evidence.model_copy(update={"signature": signature})


async def public_key(tx: Transaction, vault: Vault) -> str:
    """The public half, which is published."""
    return (await _row(tx, vault)).public_key


async def rotate(database: Database, vault: Vault) -> None:
    """Encrypt the private half under the first encryption key. The key itself stays."""
    async with database.transaction() as tx:
        row = await tx.session.get(DeploymentKey, _ID, with_for_update=True)
        if row is not None and not vault.is_current(row.ciphertext):
            row.ciphertext = vault.encrypt(vault.decrypt(row.ciphertext, row.id), row.id)


async def _row(tx: Transaction, vault: Vault) -> DeploymentKey:
    found = await _read(ReadSession(tx.session))
    if found is not None:
        return found
    private = Ed25519PrivateKey.generate()
    made = {
        "id": _ID,
        "public_key": private.public_key().public_bytes_raw().hex(),
        "ciphertext": vault.encrypt(private.private_bytes_raw(), _ID),
        "created_at": tx.now,
    }
    # Of two who make it at the same time, the second waits for the first, and reads that one.
    await tx.session.execute(insert(DeploymentKey).values(**made).on_conflict_do_nothing())
    row = await _read(ReadSession(tx.session))
    assert row is not None  # noqa: S101 - it was just written
    return row


async def _read(session: ReadSession) -> DeploymentKey | None:
    statement = select(DeploymentKey).where(col(DeploymentKey.id) == _ID)
    return (await session.scalars(statement)).one_or_none()
