"""Addresses that nothing is sent to. Stored as keyed hashes, so they outlive their owners."""

from __future__ import annotations

import hmac
from enum import StrEnum

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from domain.messaging.channels import Channel
from store.access.lasting_secret import key_for
from store.database import Transaction
from store.tables import Suppression

_PURPOSE = "suppressions"


class Because(StrEnum):
    """Why nothing is sent to an address."""

    BOUNCED = "bounced"
    """It does not exist, or takes no mail."""
    COMPLAINED = "complained"
    """Its owner marked a message as spam."""

    @property
    def words(self) -> str:
        return _WORDS[self]


_WORDS = {
    Because.BOUNCED: "An earlier message to this address came back.",
    Because.COMPLAINED: "The owner of this address complained about an earlier message.",
}


async def hash_of(tx: Transaction, channel: Channel, address: str) -> bytes:
    """The address as it is stored. Case and spaces around it do not matter."""
    plain = f"{channel}\x1f{address.strip().casefold()}".encode()
    return hmac.digest(await key_for(tx, _PURPOSE), plain, "sha256")


async def suppress(
    tx: Transaction, channel: Channel, address: bytes, because: Because, message_id: str | None
) -> None:
    """Send nothing more to it. A complaint stays, whatever is reported later."""
    row = {"reason": because, "message_id": message_id, "created_at": tx.now}
    written = insert(Suppression).values(channel=channel, address=address, **row)
    await tx.session.execute(
        written.on_conflict_do_update(
            index_elements=["channel", "address"],
            set_=row,
            where=col(Suppression.reason) != Because.COMPLAINED,
        )
    )


async def because(tx: Transaction, channel: Channel, address: bytes) -> Because | None:
    """Why nothing is sent to it; None: it may be sent to."""
    stored = await tx.session.get(Suppression, (channel, address))
    return Because(stored.reason) if stored else None


async def lift_bounce(tx: Transaction, channel: Channel, address: bytes) -> None:
    """Try the address again. A complaint is not lifted: its owner said so."""
    await tx.session.execute(
        delete(Suppression).where(
            col(Suppression.channel) == channel,
            col(Suppression.address) == address,
            col(Suppression.reason) == Because.BOUNCED,
        )
    )
