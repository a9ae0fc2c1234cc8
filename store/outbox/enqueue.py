"""Writes a message to a referral's workflow in the transaction of its cause, so that a crash
between the commit and the signal loses nothing."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import insert

from domain.ids import digest
from domain.messages import Conversion, ReferralStart
from store.database import Transaction
from store.outbox.messages import Outgoing
from store.tables import Intake, Referral
from store.tables.columns import metadata

_INSERT = insert(metadata.tables[str(Intake.__tablename__)])


async def enqueue(tx: Transaction, messages: list[Outgoing]) -> list[Outgoing]:
    """Write all messages in one statement."""
    rows = [
        {
            "id": message.id,
            "referral_id": message.start.referral_id,
            "start": message.start.model_dump(mode="json"),
            "conversion": message.conversion and message.conversion.model_dump(mode="json"),
            "reversal_id": message.reversal_id,
            "received_at": tx.now,
        }
        for message in messages
    ]
    if rows:
        await tx.session.execute(_INSERT, rows)
    return messages


async def enqueue_look(tx: Transaction, by_cause: Mapping[str, Referral]) -> list[Outgoing]:
    """Have the workflows look at the facts, which say what to do; a closed one gets an aftercare
    workflow.

    By cause: a reversal's id, or another id of what has changed. The message includes the
    conversion: Temporal may have forgotten the referral's workflow, and a new one would wait for it
    until the window ends."""
    return await enqueue(
        tx,
        [
            Outgoing(cause, referral.workflow_id, successor_of(referral), None, cause)
            for cause, referral in by_cause.items()
        ],
    )


def start_of(referral: Referral) -> ReferralStart:
    """The input of the referral's workflow."""
    return ReferralStart(
        referral_id=referral.id,
        campaign_id=referral.campaign_id,
        referrer_id=referral.referrer_id,
        referee_id=referral.referee_id,
        expires_at=referral.expires_at,
    )


def successor_of(referral: Referral, reversal_id: str | None = None) -> ReferralStart:
    """The input of a successor of the referral's workflow: everything that the first one
    received."""
    conversion = None
    if referral.conversion is not None:
        accepted = Conversion.model_validate(referral.conversion)
        conversion = accepted.model_copy(update={"event_id": digest(accepted.event_id)})
    known = {"conversion": conversion, "reversal_id": reversal_id}
    return start_of(referral).model_copy(update=known)
