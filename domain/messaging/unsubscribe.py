"""The address by which a person stops marketing messages, in one click and without signing in."""

from __future__ import annotations

import hmac
from hashlib import sha256
from typing import NamedTuple

from domain.messaging.channels import Channel

PURPOSE = "unsubscribe"
"""The derived key's purpose."""
_HEX = 32


class Reader(NamedTuple):
    """Whose messages, and of which channel."""

    customer_id: str
    channel: Channel


def token_of(reader: Reader, key: bytes) -> str:
    """It contains our own id of the person, and a proof that we issued it. It never expires: a mail
    may be read years later."""
    return f"{reader.customer_id}.{reader.channel}.{_proof(reader, key)}"


def read_token(token: str, key: bytes) -> Reader | None:
    """None for a token that we did not issue."""
    parts = token.split(".")
    if len(parts) != 3 or parts[1] not in set(Channel):
        return None
    reader = Reader(parts[0], Channel(parts[1]))
    genuine = hmac.compare_digest(parts[2].encode(), _proof(reader, key).encode())
    return reader if genuine else None


def _proof(reader: Reader, key: bytes) -> str:
    said = f"{reader.customer_id}.{reader.channel}".encode()
    return hmac.new(key, said, sha256).hexdigest()[:_HEX]
