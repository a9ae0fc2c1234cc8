"""Runa's memory of idempotency keys: the first answer, errors included, is repeated for 30 days."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

from simulator.book import encode
from simulator.provider import Answer
from simulator.runa_order import error
from simulator.world import World

THIRTY_DAYS = 30 * 86_400


class RunaReplies:
    """Answers by key. After their lifetime (`/_control/keys`) the same key orders anew."""

    def __init__(self, world: World) -> None:
        self.world = world

    def recall(self, key: str, mark: str) -> Answer | None:
        """The stored answer, or 400 if the body is another one; None for a new key."""
        life = self.world.setting("keys", "runa")["seconds"] or THIRTY_DAYS
        row = self.world.db.execute(
            "SELECT * FROM replies WHERE provider = 'runa' AND key = ? AND created_at > ?",
            (key, self.world.now() - life),
        ).fetchone()
        if row is None:
            return None
        order = self.world.book.newest_by_key("runa", key)
        if row["fingerprint"] != mark:
            text = "Request payload does not match previous payload for this idempotency key."
            return Answer(400, error(400, "idempotency_validation_error", text).body, order)
        return Answer(row["status"], json.loads(row["body"]), order)

    def keep(self, key: str, mark: str, answer: Answer) -> None:
        self.world.db.execute(
            "INSERT OR REPLACE INTO replies VALUES ('runa', ?, ?, ?, ?, ?)",
            (key, mark, answer.status, encode(answer.body), self.world.now()),
        )

    def overwrite(self, key: str, answer: Answer) -> None:
        """A 5xx that was sent instead of the answer is what the key repeats from now on."""
        self.world.db.execute(
            "UPDATE replies SET status = ?, body = ? WHERE provider = 'runa' AND key = ?",
            (answer.status, encode(answer.body), key),
        )


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """`secret` is `whsec_` and base64, else taken as it is; `timestamp` is Unix seconds."""
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except ValueError:
        key = secret.encode()
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
