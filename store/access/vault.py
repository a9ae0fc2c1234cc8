"""Encrypts bearer values at rest, with a list of keys that can be rotated."""

from __future__ import annotations

import base64
import binascii
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE = 12
_KEY = 32


class Vault:
    """AES-256-GCM with `id:base64,…`: the first key encrypts, all decrypt.

    A ciphertext names its key, and is bound to its row: moved to another row it cannot be
    decrypted."""

    def __init__(self, keys: str) -> None:
        given = [_parse(item) for item in keys.split(",") if item.strip()]
        self._keys = dict(given)
        if not self._keys:
            raise ValueError("GUERDON_ENCRYPTION_KEYS is empty; give id:base64 of 32 bytes")
        if len(self._keys) < len(given):
            raise ValueError("GUERDON_ENCRYPTION_KEYS gives one id twice")
        self._current = next(iter(self._keys))

    def encrypt(self, plain: bytes, row_id: str) -> bytes:
        nonce = os.urandom(_NONCE)
        sealed = AESGCM(self._keys[self._current]).encrypt(nonce, plain, row_id.encode())
        return self._current.encode() + b":" + nonce + sealed

    def is_current(self, ciphertext: bytes) -> bool:
        """Whether it was encrypted with the first key."""
        return ciphertext.partition(b":")[0] == self._current.encode()

    def decrypt(self, ciphertext: bytes, row_id: str) -> bytes:
        """Raises ValueError if no key of the list decrypts it for this row."""
        name, _, sealed = ciphertext.partition(b":")
        key_id = name.decode(errors="replace")
        key = self._keys.get(key_id)
        if key is None:
            raise ValueError(f"no encryption key named {key_id!r} is configured")
        try:
            return AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], row_id.encode())
        except InvalidTag:
            raise ValueError("the ciphertext was changed, or belongs to another row") from None


def _parse(item: str) -> tuple[str, bytes]:
    name, _, encoded = item.strip().partition(":")
    try:
        key = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        key = b""
    if not name or len(key) != _KEY:
        raise ValueError("GUERDON_ENCRYPTION_KEYS: each item must be id:base64 of 32 bytes")
    return name, key
