"""The link in a marketing message by which its reader stops such messages."""

from __future__ import annotations

from domain.messaging.unsubscribe import PURPOSE, Reader, read_token
from store.access.lasting_secret import key_for
from store.database import Transaction
from store.messages import consents
from store.tables import Customer


async def read(tx: Transaction, token: str) -> Reader | None:
    """Whose link it is; None: not ours."""
    return read_token(token, await key_for(tx, PURPOSE))


async def unsubscribe(tx: Transaction, token: str) -> Reader | None:
    """Stop marketing for the link's reader; None: not our link. Safe to repeat. Of an erased person
    nothing is recorded: nothing is sent to them anyway."""
    reader = await read(tx, token)
    if reader is None:
        return None
    customer = await tx.session.get(Customer, reader.customer_id, with_for_update=True)
    if customer is not None and customer.erased_at is None:
        await consents.withdraw(tx, reader.customer_id, reader.channel)
    return reader
