"""Svix (Standard Webhooks) signatures: `v1,` and the HMAC-SHA256 of `id.timestamp.body`."""

import base64
import hashlib
import hmac


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """`secret` is `whsec_` and base64, else taken as it is; `timestamp` is Unix seconds."""
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except ValueError:
        key = secret.encode()
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
