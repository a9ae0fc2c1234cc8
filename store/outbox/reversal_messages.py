"""Writing down that a referral's workflow has to look at the facts again."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import insert

from store.database import Transaction
from store.outbox.messages import Outgoing
from store.outbox.starts import start_of
from store.tables import Intake, Referral


async def enqueue(tx: Transaction, referral: Referral, cause: str) -> Outgoing:
    """A message in the transaction of its cause: a crash between the commit and the signal loses
    nothing. `cause`: a reversal's id, or another name of what has undone something of it; the
    facts say what that leaves to be done, and a workflow that has closed gets an aftercare."""
    return (await enqueue_each(tx, {cause: referral}))[0]


async def enqueue_each(tx: Transaction, by_cause: Mapping[str, Referral]) -> list[Outgoing]:
    """The same for many, in one statement. With the conversion: Temporal may have forgotten the
    referral's workflow by now, and a new one would wait for it until the window ends."""
    messages = [
        Outgoing(cause, referral.workflow_id, start_of(referral), None, cause)
        for cause, referral in by_cause.items()
    ]
    rows = [
        {
            "id": message.id,
            "referral_id": message.start.referral_id,
            "start": message.start.model_dump(mode="json"),
            "reversal_id": message.id,
            "received_at": tx.now,
        }
        for message in messages
    ]
    if rows:
        await tx.session.execute(insert(Intake), rows)
    return messages
