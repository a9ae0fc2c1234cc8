"""`guerdon evidence verify FILE`: checks that a grant's evidence is unchanged.

Exit status: 0, it is unchanged; 1, a section was changed (it is named), or the signature is not the
deployment's; 2, the file cannot be read."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from cli.surroundings import one_line_errors
from domain.evidence import Evidence, first_wrong, signed_text
from store.access import deployment_key
from store.access.vault import Vault
from store.database import Database
from store.settings import StoreSettings


def run(file: Path, key: str | None = None) -> int:
    """Run the command; return its exit status. Needs no database and no network. `key`: the
    deployment's published public key."""
    try:
        evidence = Evidence.model_validate_json(file.read_bytes())
    except (OSError, ValueError):
        sys.stderr.write(f"guerdon: {file} holds no evidence\n")
        return 2
    wrong = first_wrong(evidence)
    if wrong:
        print(f"Section {wrong} is not as it was written.")
        return 1
    if refusal := _wrong_signature(evidence, key):
        print(refusal)
        return 1
    print(f"{len(evidence.sections)} sections of {evidence.grant_id} hold.\nHead: {evidence.head}")
    print(_who(evidence, key))
    return 0


def _wrong_signature(evidence: Evidence, key: str | None) -> str | None:
    """What is wrong with the signature, in words; None if it is valid."""
    signature = evidence.signature
    if signature is None:
        return "The document is not signed: whoever changed it could have hashed it anew."
    if key is not None and signature.public_key != key.strip().lower():
        return f"The document is signed by another key: {signature.public_key}."
    try:
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(signature.public_key))
        public.verify(bytes.fromhex(signature.value), signed_text(evidence))
    except (ValueError, InvalidSignature):
        return "The signature does not fit: the document was changed and hashed anew."
    return None


def _who(evidence: Evidence, key: str | None) -> str:
    assert evidence.signature is not None  # noqa: S101 - it was checked
    if key is not None:
        return "Signed by the deployment whose key was given."
    return (
        f"Signed by the key {evidence.signature.public_key}. Compare it with the key that the "
        "deployment published, or give that as --key: anybody can sign with a key of their own."
    )


def show_key() -> None:
    """Print the deployment's public key."""
    with one_line_errors():
        settings = StoreSettings()
        vault = Vault(settings.encryption_keys.get_secret_value())
        print(asyncio.run(_key(settings, vault)))


async def _key(settings: StoreSettings, vault: Vault) -> str:
    database = Database(settings.database_url.get_secret_value(), pool=1)
    try:
        async with database.transaction() as tx:
            return await deployment_key.public_key(tx, vault)
    finally:
        await database.dispose()
