"""The Ed25519 key with which this deployment signs evidence, created at first use.

Its private half is encrypted with GUERDON_ENCRYPTION_KEYS, so write access to the database is not
enough to sign."""

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
    """The document with this deployment's signature. Raises ValueError if no configured encryption
    key decrypts the signing key."""
    row = await _row(tx, vault)
    private = Ed25519PrivateKey.from_private_bytes(vault.decrypt(row.ciphertext, row.id))
    value = private.sign(signed_text(evidence)).hex()
    signature = Signature(public_key=row.public_key, value=value)
    return evidence.model_copy(update={"signature": signature})


async def public_key(tx: Transaction, vault: Vault) -> str:
    """The public half, which is published."""
    return (await _row(tx, vault)).public_key


async def rotate(database: Database, vault: Vault) -> None:
    """Encrypt the private half with the first encryption key. The key itself stays."""
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
    # Of two processes that create it at once, the second waits and reads the first one's.
    await tx.session.execute(insert(DeploymentKey).values(**made).on_conflict_do_nothing())
    row = await _read(ReadSession(tx.session))
    assert row is not None  # noqa: S101 - it was just written
    return row


async def _read(session: ReadSession) -> DeploymentKey | None:
    statement = select(DeploymentKey).where(col(DeploymentKey.id) == _ID)
    return (await session.scalars(statement)).one_or_none()
